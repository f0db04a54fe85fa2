"""Breaks a run at its task number LAB_BREAK_AT: by a failure, or (LAB_BREAK_HOW=kill) by the end of the controller."""

import os
import signal

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "interrupt"

    def __init__(self):
        super().__init__()
        self._left = int(os.environ["LAB_BREAK_AT"])

    def v2_playbook_on_task_start(self, task, is_conditional):
        """Called before the task goes to its hosts."""
        self._left -= 1
        if self._left == 0:
            if os.environ["LAB_BREAK_HOW"] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            _make_fail(task)


def _make_fail(task):
    """The task does nothing but fail, whatever it was to do."""
    task.action, task.args = "ansible.builtin.fail", {"msg": "broken on purpose"}
    task.loop = task.loop_with = task.delegate_to = None
    task.when, task.until, task.failed_when, task.changed_when = [], [], [], []
    task.ignore_errors = task.check_mode = False
