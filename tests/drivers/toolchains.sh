# shellcheck shell=bash disable=SC2154,SC2034 # cache: set by suite.sh; command, missing: for it
# How each family's program is made. A family's folder says by what lies in it which toolchain it needs.

# prepare FAMILY: sets `command`. Returns 1 if its toolchain or a package cannot be had here (`missing`
# says what), 2 if the program does not compile.
prepare() {
    local folder=$cache/$1
    command=() missing=''
    if [ -e "$folder/requirements.txt" ]; then
        prepare_python
    elif [ -e "$folder/go.mod" ]; then
        prepare_go
    elif [ -e "$folder/Cargo.toml" ]; then
        prepare_rust
    elif [ -e "$folder/package.json" ]; then
        prepare_node
    elif [ -e "$folder/pom.xml" ]; then
        prepare_java
    elif [ -e "$folder/program.cpp" ]; then
        prepare_cpp
    elif [ -e "$folder/program.php" ]; then
        prepare_debian php php-cli php-pgsql
    else
        prepare_debian ruby ruby ruby-pg
    fi
}

# needs PROGRAM...: all of them are there.
needs() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || {
            missing="there is no $program"
            return 1
        }
    done
}

# fetched COMMAND...: a registry gave what the manifest names.
fetched() {
    (cd "$folder" && timeout 600 "$@") >"$folder.fetch.log" 2>&1 && return
    missing="packages could not be fetched: $(grep -v '^ *$' "$folder.fetch.log" | tail -n 1 | cut -c 1-150)"
    return 1
}

built() {
    (cd "$folder" && "$@") >"$folder.build.log" 2>&1 && return
    tail -n 30 "$folder.build.log"
    return 2
}

prepare_python() {
    needs python3 || return 1
    if ! cmp -s "$folder/requirements.txt" "$folder/venv/installed.txt"; then
        fetched python3 -m venv "$folder/venv" || return 1
        fetched venv/bin/pip install --quiet --requirement requirements.txt || return 1
        cp "$folder/requirements.txt" "$folder/venv/installed.txt"
    fi
    command=(env PYTHONPATH="$cache/python" "$folder/venv/bin/python" "$folder/program.py")
}

prepare_go() {
    needs go || return 1
    fetched go mod download || return 1
    built go build -o program . || return
    command=("$folder/program")
}

prepare_rust() {
    needs cargo cc || return 1
    fetched cargo fetch || return 1
    built cargo build --offline --quiet || return
    command=("$folder/target/debug/program")
}

prepare_node() {
    needs node npm || return 1
    if ! cmp -s "$folder/package.json" "$folder/node_modules/installed.json"; then
        fetched npm install --no-package-lock --no-audit --no-fund || return 1
        cp "$folder/package.json" "$folder/node_modules/installed.json"
    fi
    command=(node "$folder/program.js")
}

prepare_java() {
    needs javac java mvn || return 1
    if ! cmp -s "$folder/pom.xml" "$folder/lib/installed.xml"; then
        rm -rf "${folder:?}/lib"
        fetched mvn --batch-mode --quiet dependency:copy-dependencies -DoutputDirectory=lib || return 1
        cp "$folder/pom.xml" "$folder/lib/installed.xml"
    fi
    built javac -cp 'lib/*' -d classes "$folder"/*.java || return
    command=(java -XX:TieredStopAtLevel=1 -cp "$folder/classes:$folder/lib/*" Program)
}

prepare_cpp() {
    needs clang++-19 pg_config || return 1
    built clang++-19 -std=c++20 -O1 -Wall -Wextra -Werror -isystem "$(pg_config --includedir)" \
        program.cpp -o program -pthread -lpq || return
    command=("$folder/program")
}

# prepare_debian PROGRAM PACKAGE...
prepare_debian() {
    local program=$1
    shift
    install_packages "$@" >"$folder.fetch.log" 2>&1 || {
        missing="these Debian packages could not be had: $*"
        return 1
    }
    needs "$program" || return 1
    command=("$program" "$(echo "$folder"/program.*)")
}
