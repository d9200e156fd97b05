# shellcheck shell=bash disable=SC2154 # root, work, kept, rounds: set by tests/run
# The deployment: both images built, and everything under deploy/ checked, on a real Kubernetes where one is at hand.

deploy_checks='systemd monitoring alerts postgres_rules manifests migration'

# run_deploy: outcomes of the cases go to $work/result.
run_deploy() {
    local check images=$root/build/images
    install_packages prometheus systemd jq python3-yaml \
        "$(basename "$(dirname "$PGWEIR_TEST_PG_BIN")" | sed 's/^/postgresql-/')" || return 1
    build_target release pgweir || return 1
    export PGWEIR_BIN=${PGWEIR_BIN:-$root/build/release/pgweir}
    for check in $deploy_checks; do
        ! deploy_wants "$check" || run_deploy_check "$check"
    done
    deploy_wants images || return 0
    [ "$(id -u)" = 0 ] || { echo 'Building images needs root' && return 1; }
    install_packages podman buildah runc netavark aardvark-dns catatonit mmdebstrap python3-psycopg2 || return 1
    if "$root/deploy/images/build" "$images"; then
        echo 'passed images.build' >>"$work/result"
    else
        echo 'failed images.build' >>"$work/result"
        return 0
    fi
    run_cases postgres_image "$root/tests/deploy/postgres_image"
    run_on_kubernetes "$images"
}

# deploy_wants NAME: of $deploy_checks or `images`, by --filter a,b.
deploy_wants() { [ "$filter" = '*' ] || [[ ,$filter, == *",$1,"* ]]; }

run_deploy_check() {
    case $1 in
    postgres_rules) run_cases "$1" "$root/tests/deploy/$1" ;;
    *) run_cases "$1" "$root/tests/deploy/check_$1" ;;
    esac
}

# run_on_kubernetes IMAGES: whichever cluster KUBECONFIG names.
run_on_kubernetes() {
    local image
    if [ -z "${KUBECONFIG:-}" ] || ! kubectl get nodes >/dev/null 2>&1; then
        echo 'KUBECONFIG names no Kubernetes that answers: nothing is applied to one'
        echo 'skipped kubernetes' >>"$work/result"
        return
    fi
    for image in "$1"/pgweir.tar "$1"/pgweir-postgres.tar; do
        # PGWEIR_LOAD_IMAGE is a command with arguments.
        ${PGWEIR_LOAD_IMAGE:?the command that brings an image into the cluster, such as "minikube image load"} "$image" ||
            { echo "failed kubernetes.load" >>"$work/result" && return; }
    done
    run_cases kubernetes "$root/tests/deploy/on_kubernetes" --rounds "${rounds:-2}"
}

# run_cases NAME COMMAND...: reads `ok CASE`, `not ok CASE` and `skip CASE: why` from its output.
run_cases() {
    local name=$1 log=$work/$1.log exit_code
    shift
    "$@" 2>&1 | tee "$log"
    exit_code=${PIPESTATUS[0]}
    sed -nE -e 's/^ok ([^ :]+).*/passed \1/p' -e 's/^not ok ([^ :]+).*/failed \1/p' \
        -e 's/^skip ([^ :]+).*/skipped \1/p' "$log" >"$work/cases"
    cat "$work/cases" >>"$work/result"
    [ "$exit_code" = 0 ] || grep -q '^failed' "$work/cases" || echo "failed $name" >>"$work/result"
}
