-- How far a group has come, for each of its types: a node that does not know a type leaves it where it is.
CREATE TABLE bus_group_type (
    name     TEXT NOT NULL,
    type     TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (name, type)
);
CREATE INDEX bus_group_type_type ON bus_group_type (type, position);
