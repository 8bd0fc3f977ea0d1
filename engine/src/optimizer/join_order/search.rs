//! The order with the least rows between: by dynamic programming where relations are few, greedily where they are many.
//!
//! The cost of a join is the rows that it gives and those that it builds its hash table from. All connected sets of relations are looked at, each split in all
//! ways into two connected ones, in the order of G. Moerkotte and T. Neumann, "Analysis of Two Existing and One New Dynamic Programming Algorithm for the
//! Generation of Optimal Bushy Join Trees without Cross Products", 2006. Parts that no key connects are joined last, smallest first.

use std::collections::HashMap;

use super::cost::joined_rows;
use super::graph::{Graph, Set};

/// After so many pairs the search becomes greedy: some milliseconds.
const MOST_PAIRS: usize = 20_000;

/// More relations are not tried at all: a star of so many has ten thousand pairs.
const MOST_RELATIONS: u32 = 12;

/// A way to join relations.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Relation(usize),
    /// The left side is built.
    Join(Box<Tree>, Box<Tree>),
}

/// A tree with what it costs.
#[derive(Debug, Clone)]
struct Plan {
    set: Set,
    rows: f64,
    cost: f64,
    tree: Tree,
}

/// The best order that was found.
pub(super) fn best(graph: &Graph) -> Tree {
    let neighbours = neighbours(graph);
    let mut parts: Vec<Plan> = components(graph.all(), &neighbours)
        .into_iter()
        .map(|component| by_dynamic_programming(graph, &neighbours, component).unwrap_or_else(|| greedily(graph, &neighbours, component)))
        .collect();
    while parts.len() > 1 {
        let (one, other) = cheapest_pair(graph, &parts, |a, b| match has_condition(graph, a.set, b.set) {
            true => 0,
            false => 1,
        });
        join_parts(graph, &mut parts, one, other);
    }
    parts.pop().map_or(Tree::Relation(0), |plan| plan.tree)
}

/// For each relation, those that share a key with it. What decides about a relation has only that one.
fn neighbours(graph: &Graph) -> Vec<Set> {
    let mut neighbours = vec![0; graph.relations.len()];
    for class in &graph.classes {
        for member in &class.members {
            neighbours[member.relation] |= class.set & !(1 << member.relation);
        }
    }
    for (relation, decides) in graph.relations.iter().enumerate().filter_map(|(at, relation)| Some((at, relation.decides.as_ref()?))) {
        neighbours[relation] |= 1 << decides.about;
        neighbours[decides.about] |= 1 << relation;
    }
    neighbours
}

fn members(set: Set) -> impl DoubleEndedIterator<Item = usize> {
    (0..Set::BITS as usize).filter(move |relation| set & (1 << relation) != 0)
}

fn neighbours_of(set: Set, neighbours: &[Set]) -> Set {
    members(set).fold(0, |found, relation| found | neighbours[relation]) & !set
}

fn components(mut rest: Set, neighbours: &[Set]) -> Vec<Set> {
    let mut components = Vec::new();
    while rest != 0 {
        let mut component: Set = 1 << rest.trailing_zeros();
        loop {
            let more = neighbours_of(component, neighbours);
            if more == 0 {
                break;
            }
            component |= more;
        }
        rest &= !component;
        components.push(component);
    }
    components
}

fn leaf(graph: &Graph, relation: usize) -> Plan {
    Plan { set: 1 << relation, rows: graph.relations[relation].estimate.rows.max(1.0), cost: 0.0, tree: Tree::Relation(relation) }
}

/// Two plans joined, the smaller one built.
fn join(a: &Plan, b: &Plan, rows: f64) -> Plan {
    let (left, right) = if b.rows < a.rows { (b, a) } else { (a, b) };
    Plan {
        set: a.set | b.set,
        rows,
        cost: a.cost + b.cost + rows + left.rows,
        tree: Tree::Join(Box::new(left.tree.clone()), Box::new(right.tree.clone())),
    }
}

/// What is known of a set: rows are the same however it is joined, so that orders differ by what is between only.
struct Best {
    rows: f64,
    cost: f64,
    split: Option<(Set, Set)>,
}

struct Search<'a> {
    graph: &'a Graph,
    neighbours: &'a [Set],
    best: HashMap<Set, Best>,
    pairs: usize,
}

fn by_dynamic_programming(graph: &Graph, neighbours: &[Set], component: Set) -> Option<Plan> {
    if component.count_ones() > MOST_RELATIONS {
        return None;
    }
    let mut search = Search { graph, neighbours, best: HashMap::new(), pairs: 0 };
    for relation in members(component) {
        search.best.insert(1 << relation, Best { rows: leaf(graph, relation).rows, cost: 0.0, split: None });
    }
    for relation in members(component).rev() {
        let start = 1 << relation;
        search.splits_of(start)?;
        search.grow(start, up_to(relation))?;
    }
    search.plan(component)
}

/// A relation and those before it.
fn up_to(relation: usize) -> Set {
    Set::MAX >> (Set::BITS as usize - 1 - relation)
}

/// All sets with some of these, but not none.
fn subsets(of: Set) -> impl Iterator<Item = Set> {
    let mut next = of & of.wrapping_neg();
    std::iter::from_fn(move || {
        let this = next;
        next = next.wrapping_sub(of) & of;
        (this != 0).then_some(this)
    })
}

impl Search<'_> {
    /// Visits all connected sets that come of one by adding relations that are not excluded. Nothing once there are too many.
    fn grow(&mut self, set: Set, excluded: Set) -> Option<()> {
        let near = neighbours_of(set, self.neighbours) & !excluded;
        for more in subsets(near) {
            self.splits_of(set | more)?;
        }
        subsets(near).try_for_each(|more| self.grow(set | more, excluded | near))
    }

    /// Pairs a connected set with all connected sets beside it.
    fn splits_of(&mut self, set: Set) -> Option<()> {
        let excluded = up_to(set.trailing_zeros() as usize) | set;
        let near = neighbours_of(set, self.neighbours) & !excluded;
        for relation in members(near).rev() {
            let other = 1 << relation;
            self.pair(set, other)?;
            self.grow_other(set, other, excluded | (up_to(relation) & near))?;
        }
        Some(())
    }

    fn grow_other(&mut self, set: Set, other: Set, excluded: Set) -> Option<()> {
        let near = neighbours_of(other, self.neighbours) & !excluded & !set;
        for more in subsets(near) {
            self.pair(set, other | more)?;
        }
        subsets(near).try_for_each(|more| self.grow_other(set, other | more, excluded | near))
    }

    /// Looks at one way to join.
    fn pair(&mut self, a: Set, b: Set) -> Option<()> {
        self.pairs += 1;
        if self.pairs > MOST_PAIRS {
            return None;
        }
        let (Some(one), Some(other)) = (self.best.get(&a), self.best.get(&b)) else { return Some(()) };
        let known = self.best.get(&(a | b));
        let rows = known.map_or_else(|| joined_rows(self.graph, (a, one.rows), (b, other.rows)), |known| known.rows);
        let cost = one.cost + other.cost + rows + one.rows.min(other.rows);
        if known.is_none_or(|known| cost < known.cost) {
            self.best.insert(a | b, Best { rows, cost, split: Some((a, b)) });
        }
        Some(())
    }

    fn plan(&self, set: Set) -> Option<Plan> {
        let best = self.best.get(&set)?;
        match best.split {
            None => Some(leaf(self.graph, set.trailing_zeros() as usize)),
            Some((a, b)) => Some(join(&self.plan(a)?, &self.plan(b)?, best.rows)),
        }
    }
}

/// Joins the pair with the least cost, again and again.
fn greedily(graph: &Graph, neighbours: &[Set], component: Set) -> Plan {
    let mut parts: Vec<Plan> = members(component).map(|relation| leaf(graph, relation)).collect();
    while parts.len() > 1 {
        let (one, other) = cheapest_pair(graph, &parts, |a, b| u8::from(neighbours_of(a.set, neighbours) & b.set == 0));
        join_parts(graph, &mut parts, one, other);
    }
    parts.pop().unwrap_or_else(|| leaf(graph, component.trailing_zeros() as usize))
}

/// Positions of the pair of the lowest class with the least cost.
fn cheapest_pair(graph: &Graph, parts: &[Plan], class: impl Fn(&Plan, &Plan) -> u8) -> (usize, usize) {
    let mut best: Option<(u8, f64, (usize, usize))> = None;
    for (one, a) in parts.iter().enumerate() {
        for (other, b) in parts.iter().enumerate().skip(one + 1) {
            let cost = joined_rows(graph, (a.set, a.rows), (b.set, b.rows)) + a.rows.min(b.rows);
            let class = class(a, b);
            if best.is_none_or(|best| (class, cost) < (best.0, best.1)) {
                best = Some((class, cost, (one, other)));
            }
        }
    }
    best.map_or((0, 1), |best| best.2)
}

fn join_parts(graph: &Graph, parts: &mut Vec<Plan>, one: usize, other: usize) {
    let (b, a) = (parts.remove(one.max(other)), parts.remove(one.min(other)));
    let rows = joined_rows(graph, (a.set, a.rows), (b.set, b.rows));
    parts.push(join(&a, &b, rows));
}

/// Whether a condition connects two sets.
fn has_condition(graph: &Graph, a: Set, b: Set) -> bool {
    let connects = |set: Set| set & !(a | b) == 0 && set & a != 0 && set & b != 0;
    graph.conditions.iter().any(|condition| condition.equality.is_some() && connects(condition.set))
}
