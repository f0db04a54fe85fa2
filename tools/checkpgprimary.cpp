#include "run_check.hpp"

int main(int argc, char** argv) { return checkpg::run_check(checkpg::Role::primary, argc, argv); }
