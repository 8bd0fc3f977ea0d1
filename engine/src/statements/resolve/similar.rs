//! Names that were probably meant.

/// How many names of a list are shown.
const SHOWN: usize = 12;

/// `did you mean 'x'?`, where a known name is near enough.
pub(crate) fn hint<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(wanted, known).map(|name| format!("did you mean '{name}'?"))
}

/// The known name that is nearest, if it is near: a third of the letters may differ, or one begins as the other.
pub(crate) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let letters = wanted.chars().count();
    let ranked = known.filter_map(|name| {
        let lower = name.to_lowercase();
        let far = distance(&wanted, &lower);
        let near_enough = far <= letters.max(lower.chars().count()).div_ceil(3);
        let begins = letters >= 3 && (lower.starts_with(&wanted) || wanted.starts_with(&lower) && lower.len() >= 3);
        (near_enough || begins).then_some((far, name))
    });
    ranked.min_by_key(|(far, name)| (*far, name.len())).map(|(_, name)| name)
}

/// The first names of a list that may be long.
pub(crate) fn shortened(names: &[&str]) -> String {
    match names.len() > SHOWN {
        true => format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
        false => names.join(", "),
    }
}

/// How many letters must be added, removed, replaced, or swapped with their neighbour (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_near() {
        for (wanted, meant) in [("vendorid", "vendor_id"), ("ordres", "orders"), ("custmer", "customer"), ("pric", "price")] {
            assert_eq!(nearest(wanted, ["orders", "customer", "vendor_id", "price"].into_iter()), Some(meant));
        }
        assert_eq!(nearest("colour", ["orders", "customer"].into_iter()), None);
    }

    #[test]
    fn distances_count_letters() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
