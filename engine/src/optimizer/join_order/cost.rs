//! How many rows relations give when they are joined.

use super::graph::{Graph, Set};

/// The rows of two joined sets of relations, from the rows of each.
pub(super) fn joined_rows(graph: &Graph, (left, left_rows): (Set, f64), (right, right_rows): (Set, f64)) -> f64 {
    let mut rows = match (decider_of(graph, left), decider_of(graph, right)) {
        (None, Some(share)) => return (left_rows * share).max(1.0),
        (Some(share), None) => return (right_rows * share).max(1.0),
        _ => left_rows * right_rows * keys(graph, left, right),
    };
    for condition in &graph.conditions {
        let set = left | right;
        if condition.set & !set == 0 && condition.set & !left != 0 && condition.set & !right != 0 {
            rows *= condition.share;
        }
    }
    rows.max(1.0)
}

/// The share of rows that a single relation keeps of the one it decides about.
fn decider_of(graph: &Graph, set: Set) -> Option<f64> {
    if set.count_ones() != 1 {
        return None;
    }
    graph.relations[set.trailing_zeros() as usize].decides.as_ref().map(|decides| decides.share)
}

/// A class whose keys two sets have both.
struct Crossing {
    left: Vec<usize>,
    right: Vec<usize>,
    left_values: f64,
    right_values: f64,
}

/// The share of pairs whose keys are equal. Keys of the same two relations are one key of several columns: it has no more values than a relation has rows.
fn keys(graph: &Graph, left: Set, right: Set) -> f64 {
    let mut crossing: Vec<Crossing> = Vec::new();
    for class in graph.classes.iter().filter(|class| class.set & left != 0 && class.set & right != 0) {
        let mut found = Crossing { left: Vec::new(), right: Vec::new(), left_values: f64::INFINITY, right_values: f64::INFINITY };
        for member in &class.members {
            if left & (1 << member.relation) != 0 {
                found.left.push(member.relation);
                found.left_values = found.left_values.min(member.distinct);
            } else if right & (1 << member.relation) != 0 {
                found.right.push(member.relation);
                found.right_values = found.right_values.min(member.distinct);
            }
        }
        crossing.push(found);
    }
    let mut share = 1.0;
    while !crossing.is_empty() {
        let (one, other) = most_common(&crossing);
        let (together, rest): (Vec<_>, Vec<_>) =
            crossing.into_iter().partition(|class| class.left.contains(&one) && class.right.contains(&other));
        let values = |relation: usize, values: &mut dyn Iterator<Item = f64>| {
            values.product::<f64>().min(graph.relations[relation].estimate.unfiltered)
        };
        let left_values = values(one, &mut together.iter().map(|class| class.left_values));
        let right_values = values(other, &mut together.iter().map(|class| class.right_values));
        share /= left_values.max(right_values).max(1.0);
        crossing = rest;
    }
    share
}

/// The two relations that most classes have in common.
fn most_common(crossing: &[Crossing]) -> (usize, usize) {
    let mut best = (0, (0, 0));
    for pair in crossing.iter().flat_map(|class| class.left.iter().flat_map(|left| class.right.iter().map(|right| (*left, *right)))) {
        let common = crossing.iter().filter(|class| class.left.contains(&pair.0) && class.right.contains(&pair.1)).count();
        if common > best.0 {
            best = (common, pair);
        }
    }
    best.1
}
