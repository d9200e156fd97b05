#include "tests/support/switchover_script.hpp"

#include <cstdlib>

namespace pgweir::test {

namespace {

std::string pg_ctl() {
    const char* directory = std::getenv("PGWEIR_TEST_PG_BIN");
    return std::string{directory != nullptr ? directory : "/usr/lib/postgresql/15/bin"} + "/pg_ctl";
}

} // namespace

switchover_script::switchover_script(const postgres_cluster& cluster)
    : cluster_{cluster}, directory_{"switchover"}, path_{directory_.path() / "switchover"} {
    std::string text = "#!/bin/sh\nset -e\ncd /\n";
    text += "as() { if [ $(id -u) = 0 ]; then "
            "setpriv --reuid=postgres --regid=postgres --clear-groups \"$@\"; else \"$@\"; fi; }\n";
    text += "data_of() { case $1 in\n";
    std::string ports;
    for (const auto& node : cluster.nodes()) {
        const auto port = std::to_string(node->port());
        text += port + ") echo '" + node->data_directory().string() + "';;\n";
        ports += " " + port;
    }
    text += "esac; }\n"
            "old=$(data_of $PGWEIR_PRIMARY_PORT)\n"
            "new=$(data_of $PGWEIR_STANDBY_PORT)\n"
            "as " +
            pg_ctl() +
            " -D $old -m fast -w stop\n"
            "as " +
            pg_ctl() + " -D $new -w promote\nas touch $old/standby.signal\nfor port in" + ports +
            "; do\n"
            "  [ $port = $PGWEIR_STANDBY_PORT ] && continue\n"
            "  data=$(data_of $port)\n"
            "  echo \"primary_conninfo = 'host=127.0.0.1 port=$PGWEIR_STANDBY_PORT user=" +
            accounts::monitor.name + " password=" + accounts::monitor.password +
            " application_name=node$port'\" >> $data/postgresql.auto.conf\n"
            "  [ $port = $PGWEIR_PRIMARY_PORT ] || as " +
            pg_ctl() +
            " -D $data reload\ndone\n"
            "as " +
            pg_ctl() + " -D $old -l $old.again.log -w -o \"-p $PGWEIR_PRIMARY_PORT\" start\n";
    write_file(path_, text, 0755);
}

switchover_script::~switchover_script() {
    spawn_options options;
    options.as_postgres = true;
    for (const auto& node : cluster_.nodes()) {
        if (node->running()) continue; // the cluster's own
        run_command({pg_ctl(), "-D", node->data_directory(), "-m", "immediate", "-w", "stop"},
                    options);
    }
}

} // namespace pgweir::test
