//! The commit log: one object for each slot, created with put-if-absent, never absent again.
//!
//! ```text
//!   log/000000000000/0000000000000001    the first record
//!   log/000000000000/0000000000000002
//!   log/000000000001/0000000000004096    slots sit in folders of 4,096
//! ```
//!
//! A slot that does not exist means that the slot before it is the tip: that is all it takes to find the newest commit.

pub(crate) mod committer;
pub(crate) mod follow;
pub(crate) mod history;
pub(crate) mod publish;

/// Slots in one folder: a local file system stays quick with some thousand entries in a folder.
const SLOTS_PER_FOLDER: u64 = 4096;

/// The path of a slot's record.
pub(crate) fn slot_path(slot: u64) -> String {
    format!("{}/{slot:016}", folder_of(slot))
}

/// The folder of a slot's record.
pub(crate) fn folder_of(slot: u64) -> String {
    format!("log/{:012}", slot / SLOTS_PER_FOLDER)
}

/// The folder of the slot before, when a slot is the first one in its own folder.
pub(crate) fn folder_before(slot: u64) -> Option<String> {
    (slot.is_multiple_of(SLOTS_PER_FOLDER)).then(|| folder_of(slot - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_have_folders() {
        assert_eq!(slot_path(1), "log/000000000000/0000000000000001");
        assert_eq!(slot_path(4096), "log/000000000001/0000000000004096");
        assert_eq!(folder_before(4095), None);
        assert_eq!(folder_before(4096).as_deref(), Some("log/000000000000"));
    }
}
