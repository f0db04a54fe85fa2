#include "run_check.hpp"

int main(int argc, char** argv) { return checkpg::run_check(checkpg::Role::standby, argc, argv); }
