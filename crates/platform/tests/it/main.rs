//! Whole data directories: those that earlier versions wrote, and those that are saved and brought
//! back.

mod alarm_lists;
mod alarms;
mod exact;
mod fsck;
mod golden;
mod golden_write;
mod late;
mod retention;
mod saving;
