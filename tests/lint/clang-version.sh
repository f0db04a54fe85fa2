# shellcheck shell=bash
# For clang-tidy and clang-format: each release of LLVM adds checks and changes the layout, so what
# .clang-tidy and .clang-format ask for is fulfilled with one of them, that of Debian 12.

readonly llvm=14

# require_version TOOL: fails if it is missing; with another version the test counts as skipped.
require_version() {
    local version
    version=$("$1" --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
    [[ $version == "$llvm" ]] && return
    # tests/read-results.py finds the reason by this word.
    echo "SKIPPED [1] the profile is made for $1 $llvm (Debian 12), and this is $version"
    [[ ${CI:-} != true ]] || exit 1
    exit 77
}
