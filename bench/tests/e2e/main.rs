//! The product as its users meet it: the real binary, real processes, real clients, real disks.
//!
//! `HAMSTER_BIN` names the binary (default: the one built beside this program), `HAMSTER_CLIENTS`
//! the folder of the S3 clients' environments (default: where `cargo xtask test` puts them). One
//! program for all, so that it is linked once.

mod addressing;
mod bad_input;
mod binary;
mod clients;
mod conformance;
mod crash;
mod drain;
mod drive_loss;
mod forms;
mod founding;
mod mirrors;
mod presigned;
mod quick_start;
mod reclaim;
mod refusal;
mod repair;
mod signers;
mod smuggling;
mod support;
mod users;
