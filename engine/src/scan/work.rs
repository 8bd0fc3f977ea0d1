//! Distributes the row groups of a scan over its partitions, and says in which order their rows come.
//!
//! Without an order to keep, partitions take row groups from one queue, so that none idles while another has work left. A segment's row groups are known
//! when its footer is there, so whoever takes a segment from the queue puts its row groups back to the queue's front.
//!
//! A wrong order is a wrong answer. So an order is declared only where it follows from the log: every segment is sorted by the clustering key, and each
//! partition reads one segment, or several whose bounds do not overlap and which hold no NULL in the key (NULLs come last in every segment, so they
//! would stand before the next one's values). Then each partition has a queue of its own. An order is also not declared where keeping it would leave most
//! of the work to one partition.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::SchemaRef;
use clouddb_storage::catalog::TableMeta;
use clouddb_storage::segment::{CLUSTERING_ORDER, SegmentMeta};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use tokio::sync::Notify;

use super::values;

/// Rows of a row group as the writer makes them: to estimate how many a segment has.
pub(super) const ROW_GROUP_ROWS: u64 = 128 * 1024;

/// A segment, or one of several equal parts of its row groups.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) segment: Arc<SegmentMeta>,
    /// Which part, counted from 0, of how many.
    pub(super) part: (usize, usize),
}

impl Piece {
    fn whole(segment: &Arc<SegmentMeta>) -> Self {
        Self { segment: Arc::clone(segment), part: (0, 1) }
    }

    /// The row groups that it is, of so many that the segment has.
    pub(super) fn row_groups(&self, all: usize) -> std::ops::Range<usize> {
        let (part, parts) = self.part;
        all * part / parts..all * (part + 1) / parts
    }

    pub(super) fn rows(&self) -> u64 {
        self.segment.rows / self.part.1 as u64
    }
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toward {
    /// With the least values.
    Least,
    /// With the greatest.
    Greatest,
}

/// Who reads what.
#[derive(Debug, Clone)]
pub(super) enum Distribution {
    /// So many partitions take from one queue.
    Shared { pieces: Vec<Piece>, partitions: usize },
    /// Each partition has its own, in the order of the clustering key if there is one.
    Fixed { partitions: Vec<Vec<Piece>>, ordering: Option<LexOrdering> },
}

impl Distribution {
    /// Distributes segments over at most `target` partitions.
    pub(super) fn new(table: &TableMeta, schema: &SchemaRef, segments: &[Arc<SegmentMeta>], target: usize) -> Self {
        if let Some(ordering) = clustering_order(table, schema, segments)
            && let Some(partitions) = in_order(table, segments, target)
            && is_balanced(&partitions, target)
        {
            return Self::Fixed { partitions, ordering: Some(ordering) };
        }
        let row_groups: u64 = segments.iter().map(|segment| segment.rows.div_ceil(ROW_GROUP_ROWS)).sum();
        let partitions = usize::try_from(row_groups).unwrap_or(usize::MAX).clamp(1, target.max(1));
        Self::Shared { pieces: segments.iter().map(Piece::whole).collect(), partitions }
    }

    /// The same work, beginning where the least or the greatest values of a column are: a top-k then finds its rows early, and need not look at the rest. A
    /// declared order is given up.
    pub(super) fn toward(&self, field_id: u32, toward: Toward) -> Self {
        let bound = |piece: &Piece| {
            let column = piece.segment.column(field_id)?;
            let bound = if toward == Toward::Least { &column.min } else { &column.max };
            Some(bound.as_ref()?.value.clone())
        };
        let mut pieces: Vec<_> = self.pieces().map(|piece| (bound(piece), piece.clone())).collect();
        pieces.sort_by(|(left, left_piece), (right, right_piece)| {
            let bounds = match (left, right) {
                (Some(left), Some(right)) => values::compare(left, right).unwrap_or(Ordering::Equal),
                // What is not known comes last.
                (left, right) => return right.is_some().cmp(&left.is_some()),
            };
            let order = bounds.then(left_piece.part.cmp(&right_piece.part));
            if toward == Toward::Least { order } else { order.reverse() }
        });
        Self::Shared { pieces: pieces.into_iter().map(|(_, piece)| piece).collect(), partitions: self.partitions() }
    }

    pub(super) fn partitions(&self) -> usize {
        match self {
            Self::Shared { partitions, .. } => *partitions,
            Self::Fixed { partitions, .. } => partitions.len().max(1),
        }
    }

    pub(super) fn ordering(&self) -> Option<&LexOrdering> {
        match self {
            Self::Shared { .. } => None,
            Self::Fixed { ordering, .. } => ordering.as_ref(),
        }
    }

    /// The same work with a queue for each partition: for whoever may run only some of them.
    pub(super) fn fixed(&self) -> Vec<Vec<Piece>> {
        match self {
            Self::Fixed { partitions, .. } => partitions.clone(),
            Self::Shared { pieces, partitions } => split(pieces, *partitions),
        }
    }

    /// All pieces.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        let (shared, fixed) = match self {
            Self::Shared { pieces, .. } => (pieces.as_slice(), [].as_slice()),
            Self::Fixed { partitions, .. } => ([].as_slice(), partitions.as_slice()),
        };
        shared.iter().chain(fixed.iter().flatten())
    }
}

/// Segments in at most `target` groups, each of which is in order; `None` if that cannot be had.
fn in_order(table: &TableMeta, segments: &[Arc<SegmentMeta>], target: usize) -> Option<Vec<Vec<Piece>>> {
    if let Some(sorted) = one_after_another(table, segments) {
        return Some(split(&sorted, target).into_iter().filter(|pieces| !pieces.is_empty()).collect());
    }
    (segments.len() <= target).then(|| segments.iter().map(|segment| vec![Piece::whole(segment)]).collect())
}

/// The segments in the order of the key, if no two overlap.
fn one_after_another(table: &TableMeta, segments: &[Arc<SegmentMeta>]) -> Option<Vec<Piece>> {
    if let [segment] = segments {
        return Some(vec![Piece::whole(segment)]);
    }
    let may_be_null = |segment: &SegmentMeta, id: &u32| segment.column(*id).is_none_or(|column| column.null_count > 0);
    if segments.iter().any(|segment| table.cluster_by.iter().any(|id| may_be_null(segment, id))) {
        return None;
    }
    let key = *table.cluster_by.first()?;
    let mut bounds = segments
        .iter()
        .map(|segment| {
            let column = segment.column(key)?;
            Some((values::lower(&column.min.as_ref()?.value), values::upper(&column.max.as_ref()?.value), segment))
        })
        .collect::<Option<Vec<_>>>()?;
    let mut comparable = true;
    bounds.sort_by(|a, b| {
        values::compare(&a.0, &b.0).unwrap_or_else(|| {
            comparable = false;
            Ordering::Equal
        })
    });
    // Where the key has more columns, those behind the first decide between equal ones.
    let single = table.cluster_by.len() == 1;
    let follows = |pair: &[(_, _, _)]| match values::compare(&pair[0].1, &pair[1].0) {
        Some(Ordering::Less) => true,
        Some(Ordering::Equal) => single,
        _ => false,
    };
    (comparable && bounds.windows(2).all(follows)).then(|| bounds.iter().map(|(_, _, segment)| Piece::whole(segment)).collect())
}

/// Cuts a list of pieces in as many lists of about equally many rows. Neighbours stay together; a segment with several row groups may be cut.
fn split(pieces: &[Piece], partitions: usize) -> Vec<Vec<Piece>> {
    let partitions = partitions.max(1);
    let mut small: Vec<Piece> = Vec::new();
    for piece in pieces {
        let row_groups = usize::try_from(piece.segment.rows.div_ceil(ROW_GROUP_ROWS)).unwrap_or(usize::MAX);
        let parts = if piece.part == (0, 1) { row_groups.clamp(1, partitions) } else { 1 };
        match parts {
            1 => small.push(piece.clone()),
            _ => small.extend((0..parts).map(|part| Piece { segment: Arc::clone(&piece.segment), part: (part, parts) })),
        }
    }
    let total: u64 = small.iter().map(Piece::rows).sum();
    let share = total.div_ceil(partitions as u64).max(1);
    let mut lists = vec![Vec::new(); partitions];
    let mut before = 0;
    for piece in small {
        // A piece belongs where its middle falls.
        let list = usize::try_from((before + piece.rows() / 2) / share).unwrap_or(usize::MAX);
        before += piece.rows();
        lists[list.min(partitions - 1)].push(piece);
    }
    lists
}

/// Whether no partition has more than twice its share of the rows, unless there are too few to matter.
fn is_balanced(partitions: &[Vec<Piece>], target: usize) -> bool {
    let rows = |pieces: &Vec<Piece>| pieces.iter().map(Piece::rows).sum::<u64>();
    let total: u64 = partitions.iter().map(rows).sum();
    total < ROW_GROUP_ROWS * target as u64 || partitions.iter().all(|pieces| rows(pieces) * target as u64 <= 2 * total)
}

/// The order that every one of the segments has.
fn clustering_order(table: &TableMeta, schema: &SchemaRef, segments: &[Arc<SegmentMeta>]) -> Option<LexOrdering> {
    if segments.is_empty() || !segments.iter().all(|segment| segment.sorted) {
        return None;
    }
    let columns = table.cluster_by.iter().map(|id| {
        let (position, _) = table.column_by_id(*id)?;
        let column = Column::new(schema.field(position).name(), position);
        Some(PhysicalSortExpr::new(Arc::new(column), CLUSTERING_ORDER))
    });
    LexOrdering::new(columns.collect::<Option<Vec<_>>>()?)
}

/// What is left to do, for one partition or for several.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<Item<T>>,
    /// Segments that are being opened: their row groups will come.
    opening: usize,
}

/// Something to do.
#[derive(Debug)]
pub(super) enum Item<T> {
    /// A segment whose row groups are not known yet.
    Open(Piece),
    /// A row group.
    Read(T),
}

impl<T> Queue<T> {
    pub(super) fn new(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let items = pieces.into_iter().map(Item::Open).collect();
        Self { state: Mutex::new(State { items, opening: 0 }), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next thing to do; `None` when all is done. Whoever gets a segment to open must give its row groups to [`Opening::done`].
    pub(super) async fn next(self: &Arc<Self>) -> Option<(Item<T>, Option<Opening<T>>)> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Before looking, so that no change is missed.
            changed.as_mut().enable();
            {
                let mut state = self.state();
                match state.items.pop_front() {
                    Some(item @ Item::Open(_)) => {
                        state.opening += 1;
                        return Some((item, Some(Opening { queue: Arc::clone(self) })));
                    }
                    Some(item) => return Some((item, None)),
                    None if state.opening == 0 => return None,
                    None => {}
                }
            }
            changed.await;
        }
    }

    /// The next thing to do, if it is a row group, or a segment that can be opened without waiting. As in [`Self::next`] otherwise.
    pub(super) fn next_at_hand(self: &Arc<Self>, is_at_hand: impl Fn(&Piece) -> bool) -> Option<(Item<T>, Option<Opening<T>>)> {
        let mut state = self.state();
        match state.items.pop_front()? {
            Item::Read(row_group) => Some((Item::Read(row_group), None)),
            Item::Open(piece) if is_at_hand(&piece) => {
                state.opening += 1;
                Some((Item::Open(piece), Some(Opening { queue: Arc::clone(self) })))
            }
            item @ Item::Open(_) => {
                state.items.push_front(item);
                None
            }
        }
    }
}

/// A segment that is being opened. When this is dropped, the queue no longer waits for its row groups.
pub(super) struct Opening<T> {
    queue: Arc<Queue<T>>,
}

impl<T> Opening<T> {
    /// The segment's row groups.
    pub(super) fn done(self, row_groups: Vec<T>) {
        let mut state = self.queue.state();
        for row_group in row_groups.into_iter().rev() {
            state.items.push_front(Item::Read(row_group));
        }
    }
}

impl<T> Drop for Opening<T> {
    fn drop(&mut self) {
        self.queue.state().opening -= 1;
        self.queue.changed.notify_waiters();
    }
}
