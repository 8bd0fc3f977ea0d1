//! Which decoded columns stay when there is not room for all.

use moka::policy::EvictionPolicy;

/// Which decoded columns stay when there is not room for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CachePolicy {
    /// Those that are used often (TinyLFU): a scan that passes once does not flush them.
    #[default]
    TinyLfu,
    /// Those that were used last (LRU): for comparison.
    Lru,
}

impl CachePolicy {
    pub(crate) fn eviction(self) -> EvictionPolicy {
        match self {
            Self::TinyLfu => EvictionPolicy::tiny_lfu(),
            Self::Lru => EvictionPolicy::lru(),
        }
    }
}
