//! How much memory the process really holds.

/// Bytes of memory that the process has for itself: resident, and not shared with files or other processes. `None` where the system does not tell.
pub(super) fn private_bytes() -> Option<u64> {
    // Pages of 4 KiB are Linux's, but for some builds for ARM; those count too little, and are stopped late.
    const PAGE: u64 = 4096;
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut fields = text.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(resident.saturating_sub(shared) * PAGE)
}
