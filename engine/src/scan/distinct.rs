//! How many different values a column has over several segments, from what is known of each.
//!
//! Segments count for themselves, so what they share is a guess: values of disjoint ranges add up; in a common range both segments are taken to draw from
//! the same values, as many as the larger draw suggests. Columns whose values are all different stay so. It is an estimate and never more than the values
//! there are, or the whole numbers between the bounds.

use clouddb_storage::segment::Value;

/// What a segment, or several, have of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// Least and greatest value.
    pub(super) bounds: Option<(&'a Value, &'a Value)>,
    /// Values that are not NULL.
    pub(super) values: u64,
    /// Different ones among them.
    pub(super) distinct: u64,
}

/// The estimate for all parts together.
pub(super) fn merged(parts: &[Part<'_>]) -> u64 {
    let values: u64 = parts.iter().map(|part| part.values).sum();
    let estimate = match parts {
        [] => 0.0,
        [one] => one.distinct as f64,
        several => sweep(several),
    };
    let estimate = whole_numbers(parts).map_or(estimate, |numbers| estimate.min(numbers));
    (estimate.round() as u64).clamp(u64::from(values > 0), values)
}

/// A range of values on a line.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
    values: f64,
    distinct: f64,
}

impl Range {
    /// The share of the range that lies between two points.
    fn share(&self, low: f64, high: f64) -> f64 {
        let overlap = self.high.min(high) - self.low.max(low);
        match self.high > self.low {
            true => (overlap / (self.high - self.low)).clamp(0.0, 1.0),
            false => f64::from(u8::from(overlap >= 0.0)),
        }
    }
}

/// Joins ranges from the lowest on, each with all before it.
fn sweep(parts: &[Part<'_>]) -> f64 {
    let mut ranges: Vec<Range> = parts.iter().filter(|part| part.values > 0).map(Part::range).collect();
    ranges.sort_by(|a, b| a.low.total_cmp(&b.low).then(a.high.total_cmp(&b.high)));
    let mut ranges = ranges.into_iter();
    let Some(mut all) = ranges.next() else { return 0.0 };
    for next in ranges {
        let (before, after) = (all.share(next.low, next.high), next.share(all.low, all.high));
        let shared = drawn_twice((all.values * before, all.distinct * before), (next.values * after, next.distinct * after));
        all = Range {
            low: all.low,
            high: all.high.max(next.high),
            values: all.values + next.values,
            distinct: all.distinct * (1.0 - before) + next.distinct * (1.0 - after) + shared,
        };
    }
    all.distinct
}

impl Part<'_> {
    fn range(&self) -> Range {
        // Without bounds, or where they are no points on a line, a part may share everything with every other.
        let everywhere = (f64::NEG_INFINITY, f64::INFINITY);
        let (low, high) = match self.bounds {
            Some((low, high)) => point(low).zip(point(high)).unwrap_or(everywhere),
            None => everywhere,
        };
        let (low, high) = (low.max(f64::MIN / 4.0), high.min(f64::MAX / 4.0));
        Range { low, high, values: self.values as f64, distinct: self.distinct as f64 }
    }
}

/// How many different values two draws from the same values have: of each, how many were drawn and how many differ.
fn drawn_twice(a: (f64, f64), b: (f64, f64)) -> f64 {
    let least = a.1.max(b.1);
    match (population(a.0, a.1), population(b.0, b.1)) {
        (Some(from_a), Some(from_b)) => {
            let all = from_a.max(from_b);
            (all * -(-(a.0 + b.0) / all).exp_m1()).clamp(least, a.1 + b.1)
        }
        _ => a.1 + b.1,
    }
}

/// How many different values `more` draws have, if `drawn` of them had so many. Nothing where no value came twice.
pub(crate) fn expected(drawn: f64, distinct: f64, more: f64) -> Option<f64> {
    let all = population(drawn, distinct)?;
    Some(all * -(-more / all).exp_m1())
}

/// From how many values somebody drew, evenly, who drew so often and found so many different ones. Nothing where no value came twice: there is no end then.
fn population(drawn: f64, distinct: f64) -> Option<f64> {
    if drawn <= 0.0 || distinct <= 0.0 {
        return Some(f64::MIN_POSITIVE.max(distinct));
    }
    if distinct > 0.99 * drawn {
        return None;
    }
    // distinct = n * (1 - exp(-drawn / n)), so (1 - exp(-x)) / x is the share of different ones, for x = drawn / n. Its left side falls and is convex: from a
    // point before the root, 1 - exp(-x) >= x - x^2 / 2, neither Newton's step nor x = (1 - exp(-x)) / share goes beyond it. The further of both is taken.
    let share = distinct / drawn;
    let mut x = 2.0 * (1.0 - share);
    for _ in 0..20 {
        let drawn_share = -(-x).exp_m1();
        let slope = (1.0 - drawn_share - drawn_share / x) / x;
        let next = (x - (drawn_share / x - share) / slope).max(drawn_share / share);
        let is_there = next <= x * (1.0 + 1e-9);
        x = next;
        if is_there {
            break;
        }
    }
    Some(drawn / x)
}

/// A value as a point on a line that keeps the order, roughly.
fn point(value: &Value) -> Option<f64> {
    let first_bytes =
        |bytes: &[u8]| bytes.iter().chain(std::iter::repeat(&0)).take(6).fold(0.0, |sum, byte| sum * 256.0 + f64::from(*byte));
    Some(match value {
        Value::Boolean(value) => f64::from(u8::from(*value)),
        Value::Int(value) => *value as f64,
        Value::UInt(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Decimal(value) => *value as f64,
        // Names often share a long beginning, behind which they say nothing here: such ranges are points, equal or not.
        Value::String(text) => first_bytes(text.as_bytes()),
        Value::Binary(bytes) => first_bytes(bytes),
    })
}

/// How many values there can be between the bounds, where they are whole numbers.
fn whole_numbers(parts: &[Part<'_>]) -> Option<f64> {
    let mut range: Option<(i128, i128)> = None;
    for part in parts.iter().filter(|part| part.values > 0) {
        let (low, high) = part.bounds?;
        let (low, high) = whole(low).zip(whole(high))?;
        range = Some(range.map_or((low, high), |(least, most)| (least.min(low), most.max(high))));
    }
    range.map(|(low, high)| high.saturating_sub(low) as f64 + 1.0)
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Boolean(value) => Some(i128::from(*value)),
        Value::Int(value) => Some(i128::from(*value)),
        Value::UInt(value) => Some(i128::from(*value)),
        Value::Decimal(value) => Some(*value),
        Value::Float(_) | Value::String(_) | Value::Binary(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[(i64, i64, u64, u64)]) -> u64 {
        let bounds: Vec<_> = parts.iter().map(|part| (Value::Int(part.0), Value::Int(part.1))).collect();
        let parts: Vec<_> = parts
            .iter()
            .zip(&bounds)
            .map(|(part, (low, high))| Part { bounds: Some((low, high)), values: part.2, distinct: part.3 })
            .collect();
        merged(&parts)
    }

    #[test]
    fn one_part_speaks_for_itself() {
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[(1, 1000, 5000, 700)]), 700);
        assert_eq!(of(&[(1, 100, 5000, 103)]), 100);
        assert_eq!(of(&[(1, 1000, 50, 60)]), 50);
    }

    #[test]
    fn disjoint_ranges_add_up() {
        assert_eq!(of(&[(2001, 3000, 4000, 1000), (1, 1000, 4000, 1000), (1001, 2000, 4000, 1000)]), 3000);
        // Neighbours share a key.
        let touching = of(&[(1, 1000, 4000, 1000), (1000, 2000, 4000, 1000)]);
        assert!((1990..=2000).contains(&touching), "{touching}");
    }

    #[test]
    fn equal_ranges_share_their_values() {
        assert_eq!(of(&[(1, 1_000_000, 50_000, 100), (1, 1_000_000, 50_000, 100)]), 100);
        // 10,000 values drawn 5,000 times give some 3,935; drawn 10,000 times some 6,321.
        let drawn = of(&[(1, 1_000_000, 5_000, 3_935), (1, 1_000_000, 5_000, 3_935)]);
        assert!((6_200..6_450).contains(&drawn), "{drawn}");
        assert_eq!(of(&[(1, 1_000_000, 5_000, 5_000), (1, 1_000_000, 5_000, 5_000)]), 10_000);
        assert_eq!(of(&[(1, 6_000, 5_000, 5_000), (1, 6_000, 5_000, 5_000)]), 6_000);
    }

    #[test]
    fn a_population_is_found_whatever_its_size() {
        for drawn in [10.0, 1e3, 1e6, 1e9] {
            for of in [1e-6, 1e-3, 0.1, 0.5, 1.0, 3.0, 20.0, 49.0] {
                let all: f64 = drawn * of;
                let distinct = all * -(-drawn / all).exp_m1();
                let found = population(drawn, distinct).unwrap();
                assert!((found / all - 1.0).abs() < 1e-6, "{drawn} of {all}: {found}");
            }
        }
        assert_eq!(population(100.0, 99.5), None);
        // 131,072 rows of a million groups have 122,838 of them; 15 million rows have all.
        let groups = expected(131_072.0, 122_838.0, 15e6).unwrap();
        assert!((groups / 1e6 - 1.0).abs() < 1e-3, "{groups}");
    }

    #[test]
    fn the_rest_lies_between() {
        let half = of(&[(1, 1000, 10_000, 1000), (501, 1500, 10_000, 1000)]);
        assert!((1450..=1550).contains(&half), "{half}");
    }

    #[test]
    fn parts_without_bounds_may_share_everything() {
        let part = Part { bounds: None, values: 10_000, distinct: 30 };
        assert_eq!(merged(&[part, part, part]), 30);
        let unique = Part { bounds: None, values: 10_000, distinct: 10_000 };
        assert_eq!(merged(&[unique, unique]), 20_000);
        let nothing = Part { bounds: None, values: 0, distinct: 0 };
        assert_eq!(merged(&[nothing, nothing]), 0);
    }
}
