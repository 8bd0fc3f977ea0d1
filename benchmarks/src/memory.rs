//! This process's memory, as the operating system counts it.

/// The largest resident size that this process has had, in bytes. `None` where `/proc` does not tell it (systems other than Linux).
pub fn peak_rss_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// The resident size that this process has now, likewise.
pub fn rss_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

fn parse(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_the_lines_by_name() {
        assert_eq!(parse("VmPeak:\t  999 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n", "VmHWM:"), Some(2048 * 1024));
        assert_eq!(parse("VmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n", "VmRSS:"), Some(1024));
        assert_eq!(parse("VmPeak:\t  999 kB\n", "VmHWM:"), None);
    }
}
