# shellcheck shell=bash
# Which Debian packages building, running and testing need, and how they get there.
# Sourced by deploy/local/up and tests/run.

debian_release() {
    # shellcheck source=/dev/null
    (. /etc/os-release && printf '%s' "${VERSION_ID:-}")
}

packages_to_build() {
    local boost=libboost1.81-dev
    [ "$(debian_release)" = 12 ] || boost=libboost-dev
    echo cmake ninja-build pkg-config clang-19 lld-19 "$boost" libpg-query-dev libprotobuf-c-dev \
        libpq-dev libssl-dev libspdlog-dev prometheus-cpp-dev libtomlplusplus-dev libcli11-dev \
        libxxhash-dev libldap-dev libpam0g-dev
}

packages_to_test() {
    echo libgtest-dev libgmock-dev libclang-rt-19-dev llvm-19 procps openssl dpkg-dev bzip2 slapd
}

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Abbrev}\n' "$package" 2>/dev/null | grep -q '^.i' ||
            printf '%s ' "$package"
    done
}

# Debian makes and starts a server of its own when PostgreSQL or slapd is installed; not on our
# account.
apt_install() {
    local no_cluster=/etc/postgresql-common/createcluster.d/pgweir-local.conf failed=0
    if [ ! -e /usr/bin/pg_createcluster ]; then
        mkdir -p "${no_cluster%/*}"
        echo 'create_main_cluster = false' >"$no_cluster"
    fi
    echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
    apt-get update -qq || echo "apt-get update failed; trying with the lists at hand" >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" || failed=1
    rm -f "$no_cluster"
    return "$failed"
}

# install_packages NAME...: as root installs what is missing; as another user says what is.
install_packages() {
    command -v dpkg-query >/dev/null || return 0
    local missing log failed=0
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "These Debian packages are missing; as root: apt-get install $missing" >&2
        return 1
    fi
    echo "Installing with apt: $missing"
    log=$(mktemp)
    # shellcheck disable=SC2086 # one word per package
    apt_install $missing >"$log" 2>&1 || failed=1
    if [ "$failed" = 1 ]; then
        tail -n 20 "$log" >&2
        echo "apt could not install them" >&2
    fi
    rm -f "$log"
    return "$failed"
}
