//! Events on their way from a transaction to whoever hears them.

use crate::labels::{Group, Role};
use crate::metric::Served::{Always, Where};
use crate::metric::metrics;

metrics! {
    OUTBOX_DEPTH: Gauge<Role> = "latchkey_outbox_depth", "events", Where("where an outbox is in this process"),
        "Events that are committed and not yet published; at most 10000 are counted.";
    OUTBOX_OLDEST: Gauge<Role> = "latchkey_outbox_oldest_seconds", "seconds",
        Where("where an outbox is in this process"),
        "Age of the oldest event that is not yet published; 0 without one.";
    BUS_LAG: Gauge<Group> = "latchkey_bus_lag", "events", Where("with a bus in a database"),
        "Published events that a group has still to handle; at most 10000 are counted over all groups.";
    BUS_LAG_OLDEST: Gauge<Group> = "latchkey_bus_lag_seconds", "seconds", Where("with a bus in a database"),
        "Age of the oldest event that a group has still to handle; 0 without one.";
    BUS_PARKED: Gauge<Group> = "latchkey_bus_parked", "events", Where("with a bus in a database"),
        "Dead letters of a group that wait for a person; at most 10000 are counted over all groups.";
    BUS_PARKED_TOTAL: Counter<Group> = "latchkey_bus_parked_total", "events", Always,
        "Events that a group could not handle and that were parked by this process.";
    BUS_UNKNOWN_TYPE: Counter<Group> = "latchkey_bus_unknown_type_total", "events", Always,
        "Events in a group's queue of a type that its version does not know.";
}
