#!/bin/sh
# A private RabbitMQ node in the folder of this script: `node serve` runs it, `node ctl ARGS` is its rabbitmqctl,
# `node run PROGRAM ARGS` another program of it, `node stop` ends it, and `node crash` kills it. The file `ports` beside
# it has the ports of AMQP, of Erlang's distribution and of epmd: with an epmd and a cookie of its own no node meets
# another one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
read -r amqp dist epmd < "$here/ports"
# Not the wrapper in /usr/sbin, which changes the user and ignores arguments.
for programs in /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin; do :; done
export HOME="$here" RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_NODENAME="n$amqp@localhost" \
    RABBITMQ_DIST_PORT="$dist" RABBITMQ_MNESIA_BASE="$here/mnesia" RABBITMQ_LOG_BASE="$here/log" \
    RABBITMQ_GENERATED_CONFIG_DIR="$here/gen" RABBITMQ_CONFIG_FILE="$here/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$here/enabled_plugins" RABBITMQ_PID_FILE="$here/pid" \
    ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 ERL_MAX_PORTS=4096 \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none'

ended() {
    while kill -0 "$1" 2> /dev/null; do sleep 0.05; done
    epmd -port "$epmd" -kill > /dev/null 2>&1 || true
}

case $1 in
serve)
    mkdir -p "$here/mnesia" "$here/log" "$here/gen"
    echo '[].' > "$here/enabled_plugins"
    # It may have a configuration of its own.
    [ -e "$here/rabbitmq.conf" ] || printf 'listeners.tcp.1 = 127.0.0.1:%s\ndefault_user = guest\ndefault_pass = guest\ndisk_free_limit.absolute = 50MB\n' \
        "$amqp" > "$here/rabbitmq.conf"
    exec "$programs/rabbitmq-server"
    ;;
ctl)
    shift
    exec "$programs/rabbitmqctl" "$@"
    ;;
run)
    shift
    name=$1
    shift
    exec "$programs/$name" "$@"
    ;;
stop | crash)
    pid=$(cat "$here/pid")
    [ "$1" = stop ] && kill -TERM "$pid" || kill -KILL "$pid"
    ended "$pid"
    ;;
*)
    echo "usage: node serve | ctl ARGS | run PROGRAM ARGS | stop | crash" >&2
    exit 2
    ;;
esac
