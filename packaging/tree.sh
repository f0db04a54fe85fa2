# shellcheck shell=bash
# For packaging/rpm/build and packaging/deb/build, in the top directory: both pack the same tree.

# Not set, it is the time of the commit, and without git that of the newest changelog entry.
if [[ -z ${SOURCE_DATE_EPOCH:-} ]]; then
    if [[ -e .git ]]; then
        SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    else
        newest=$(sed -n 's/^ -- .*>  //p;T;q' packaging/deb/debian/changelog)
        SOURCE_DATE_EPOCH=$(date -d "$newest" +%s)
    fi
fi
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8
umask 022

# shellcheck disable=SC2034 # for those two
readonly tree=$PWD/build/package

build_tree() {
    cmake --preset package
    cmake --build --preset package
}
