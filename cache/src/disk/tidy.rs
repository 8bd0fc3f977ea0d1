//! Keeps the cache's folder within its budget, whoever wrote what is there: looks at all of it, and deletes what was not used for longest.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::files::{Contents, TEMPORARY};

/// Nobody writes a file for so long: one that is older was left by a process that ended.
const ABANDONED: Duration = Duration::from_secs(600);

/// What a file takes beyond its bytes, on average, and what it takes to know of it.
const OVERHEAD: u64 = 4096;

/// What is in the folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// What a file of so many bytes counts in the budget.
pub(super) fn weight(length: u64) -> u64 {
    length + OVERHEAD
}

/// What is there.
pub(super) fn count(root: &Path, now: SystemTime) -> Tally {
    scan(root, now).map(|(files, temporary)| tally(&files, temporary)).unwrap_or_default()
}

/// Deletes what was not used for longest if there are more than `most` bytes, until there are at most `target`. What is there then, and how many files
/// were deleted.
pub(super) fn tidy(root: &Path, most: u64, target: u64, now: SystemTime) -> io::Result<(Tally, u64)> {
    let (mut files, temporary) = scan(root, now)?;
    let mut left = tally(&files, temporary);
    let mut deleted = 0;
    if left.bytes > most {
        files.sort();
        for (_, length, path) in files {
            if left.bytes <= target {
                break;
            }
            let removed = fs::remove_file(&path);
            // Another process may have been quicker.
            deleted += u64::from(removed.is_ok());
            if removed.is_ok() || !path.exists() {
                left = Tally { files: left.files.saturating_sub(1), bytes: left.bytes.saturating_sub(weight(length)) };
            }
            if let Some(folder) = path.parent() {
                // Only an empty one goes.
                let _ = fs::remove_dir(folder);
            }
        }
    }
    Ok((left, deleted))
}

type Scanned = Vec<(SystemTime, u64, std::path::PathBuf)>;

fn tally(files: &Scanned, temporary: u64) -> Tally {
    Tally { files: files.len() as u64, bytes: temporary + files.iter().map(|(_, length, _)| weight(*length)).sum::<u64>() }
}

/// All files with when they were last used, and the bytes of those that are being written. Deletes what was left behind.
fn scan(root: &Path, now: SystemTime) -> io::Result<(Scanned, u64)> {
    let (mut files, mut temporary) = (Vec::new(), 0);
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((files, 0)),
        entries => entries?,
    };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMPORARY)) {
            let Ok(metadata) = entry.metadata() else { continue };
            let age = metadata.modified().ok().and_then(|modified| now.duration_since(modified).ok()).unwrap_or_default();
            if age < ABANDONED || fs::remove_file(entry.path()).is_err() {
                temporary += weight(metadata.len());
            }
            continue;
        }
        let mut is_empty = true;
        for file in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            is_empty = false;
            let is_ours = file.file_name().to_str().and_then(Contents::of).is_some();
            if let (true, Ok(metadata)) = (is_ours, file.metadata()) {
                files.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), file.path()));
            }
        }
        if is_empty {
            let _ = fs::remove_dir(entry.path());
        }
    }
    Ok((files, temporary))
}
