//! Checkpoints: the state as of a slot, so that nobody has to replay the whole log.
//!
//! ```text
//!   checkpoint/<slot>-<hash>.root    at most 256 KiB: small states whole, large ones by reference
//!   checkpoint/<slot>-<hash>.node    at most about 1 MiB each: entries that found no place in the root
//!   head                             the newest root, replaced in place; may lag, may be lost; never the truth
//! ```
//!
//! Checkpoints are made of the log and can always be made again: losing one costs time, not data.

pub(crate) mod fold;
pub(crate) mod load;

/// The path of `head`.
pub(crate) const HEAD: &str = "head";

/// The folder of roots and nodes.
pub(crate) const FOLDER: &str = "checkpoint";

/// The path of a root or a node.
fn object_path(slot: u64, hash: &[u8; 32], extension: &str) -> String {
    let hash: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{FOLDER}/{slot:016}-{hash}.{extension}")
}

/// The slot that a root's path names; `None` for nodes and anything else.
pub(crate) fn slot_of_root(path: &str) -> Option<u64> {
    path.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".root")?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_name_their_slots() {
        let path = object_path(128, &[0xab; 32], "root");
        assert_eq!(path, "checkpoint/0000000000000128-abababababababababababababababab.root");
        assert_eq!(slot_of_root(&path), Some(128));
        assert_eq!(slot_of_root("checkpoint/0000000000000128-ab.node"), None);
        assert_eq!(slot_of_root("checkpoint/x-y.root"), None);
    }
}
