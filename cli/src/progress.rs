//! A line on standard error that tells how far a long piece of work has come; nothing at all where standard error is no terminal.
//!
//! It looks at counters that the work moves, and knows nothing else of it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clouddb_engine::{Extent, Session};
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::output::{self, Output};
use crate::render::units;

/// How often the line is drawn again: often enough to look alive.
const REDRAW: Duration = Duration::from_millis(120);
/// The most often that a line is drawn in a second.
const DRAWN_A_SECOND: u8 = 15;
/// Work that is done before this is not worth a line that flickers.
const PATIENCE: Duration = Duration::from_millis(400);

/// The line that is drawn, if there is one: there is at most one at a time.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Writes a line to standard error, above the progress line if there is one.
pub(crate) fn write_above(line: &str) {
    let bar = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bar {
        Some(bar) => bar.suspend(|| eprintln!("{line}")),
        None => eprintln!("{line}"),
    }
}

/// A progress line; gone without a trace when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Whether the line must not be drawn any more; locked while it is.
    stopped: Arc<Mutex<bool>>,
    drawer: Option<tokio::task::JoinHandle<()>>,
}

/// A counter that is looked at while the work runs.
type Counter = Box<dyn Fn() -> u64 + Send>;

impl Progress {
    /// Rows, whose number is not known before: so far, a second, elapsed.
    pub(crate) fn rows(label: &str, rows: impl Fn() -> u64 + Send + 'static) -> Self {
        Self::start(label, "{spinner} {prefix}: {msg}", Box::new(rows), None)
    }

    /// Bytes of a known number.
    pub(crate) fn bytes(label: &str, bytes: impl Fn() -> u64 + Send + 'static, total: impl Fn() -> u64 + Send + 'static) -> Self {
        let template = "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {elapsed}";
        Self::start(label, template, Box::new(bytes), Some(Box::new(total)))
    }

    /// A statement: rows that it writes, and the share of its tables and files that it has read. Nothing is drawn while neither is known.
    pub(crate) fn statement(session: &Session) -> Self {
        let before = clouddb_engine::rows_written();
        let progress = session.progress();
        let written = move || clouddb_engine::rows_written() - before;
        let look = move || match (written(), progress.read()) {
            (0, Some(Extent::Rows(done, all))) => Sight::Share { done, all, unit: Unit::Rows },
            (0, Some(Extent::Bytes(done, all))) => Sight::Share { done, all, unit: Unit::Bytes },
            (rows, Some(Extent::Rows(done, all) | Extent::Bytes(done, all))) => Sight::Load { rows, done, all },
            (rows, None) => Sight::Rows(rows),
        };
        Self::begin(ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()), Box::new(look))
    }

    /// Whoever writes an answer here makes the line go away first.
    pub(crate) fn before(self, out: &mut Output) -> Before<'_> {
        Before { progress: Some(self), out }
    }

    fn start(label: &str, template: &str, counter: Counter, total: Option<Counter>) -> Self {
        let bar = ProgressBar::with_draw_target(total.as_ref().map(|_| 0), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(label.to_owned());
        bar.set_prefix(label.to_owned());
        let look = move || Sight::Counted { done: counter(), all: total.as_ref().map(|total| total()) };
        Self::begin(bar, Box::new(look))
    }

    fn begin(bar: ProgressBar, look: Look) -> Self {
        let stopped = Arc::new(Mutex::new(false));
        if !output::stderr_is_terminal() {
            return Self { bar: ProgressBar::hidden(), stopped, drawer: None };
        }
        *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        let drawer = tokio::spawn(draw(bar.clone(), Arc::clone(&stopped), look));
        Self { bar, stopped, drawer: Some(drawer) }
    }
}

/// What is seen of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// What is counted by a line of one kind.
    Counted { done: u64, all: Option<u64> },
    /// Rows that a statement has written.
    Rows(u64),
    /// Rows that a statement has written, and how much it has read of what it may have to read.
    Load { rows: u64, done: u64, all: u64 },
    /// What a query has read, of what it may have to read.
    Share { done: u64, all: u64, unit: Unit },
}

/// What is counted of what a query reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Rows,
    Bytes,
}

/// Looks at the work.
type Look = Box<dyn Fn() -> Sight + Send>;

impl Sight {
    /// Whether there is something to show.
    fn is_something(self) -> bool {
        match self {
            Self::Counted { done, .. } | Self::Rows(done) => done > 0,
            Self::Load { .. } => true,
            Self::Share { all, .. } => all > 0,
        }
    }

    /// How a statement's line looks.
    fn template(self) -> Option<&'static str> {
        match self {
            Self::Counted { .. } => None,
            Self::Rows(_) => Some("{spinner} loading: {msg}"),
            // All is read: what follows takes a time that nobody knows.
            Self::Load { done, all, .. } if done >= all => Some("{spinner} all read, loading: {msg}"),
            Self::Load { .. } => Some("{percent:>3}% [{bar:12}] {msg}, {eta} left"),
            Self::Share { done, all, unit: Unit::Rows } if done >= all => Some("{spinner} all rows read, working, {elapsed}"),
            Self::Share { done, all, unit: Unit::Bytes } if done >= all => Some("{spinner} all files read, working, {elapsed}"),
            Self::Share { done: 0, .. } => Some("{spinner} working, {elapsed}"),
            Self::Share { unit: Unit::Rows, .. } => {
                Some("{percent:>3}% [{bar:30}] {human_pos} of {human_len} rows read, {elapsed}, {eta} left")
            }
            Self::Share { unit: Unit::Bytes, .. } => Some("{percent:>3}% [{bar:30}] {bytes} of {total_bytes} read, {elapsed}, {eta} left"),
        }
    }
}

async fn draw(bar: ProgressBar, stopped: Arc<Mutex<bool>>, look: Look) {
    tokio::time::sleep(PATIENCE).await;
    let mut is_hidden = true;
    let mut template = None;
    loop {
        let sight = look();
        if sight.is_something() {
            let stopped = stopped.lock().unwrap_or_else(PoisonError::into_inner);
            if *stopped {
                return;
            }
            if std::mem::take(&mut is_hidden) {
                bar.set_draw_target(ProgressDrawTarget::term_like_with_hz(Box::new(Screen(Term::stderr())), DRAWN_A_SECOND));
            }
            if sight.template() != template {
                template = sight.template();
                if let Some(Ok(style)) = template.map(ProgressStyle::with_template) {
                    bar.set_style(style.progress_chars("=> "));
                }
            }
            let (done, all, rows) = match sight {
                Sight::Counted { done, all: Some(all) } => (done, Some(all), None),
                Sight::Counted { done, all: None } | Sight::Rows(done) => (done, None, Some(done)),
                Sight::Load { rows, done, all } => (done.min(all), Some(all), Some(rows)),
                Sight::Share { done, all, .. } => (done.min(all), Some(all), None),
            };
            if let Some(all) = all {
                bar.set_length(all);
            }
            if let Some(rows) = rows {
                bar.set_message(so_far(rows, bar.elapsed()));
            }
            bar.set_position(done);
            bar.tick();
        }
        tokio::time::sleep(REDRAW).await;
    }
}

/// Rows so far, and how quickly they came.
fn so_far(rows: u64, elapsed: Duration) -> String {
    let rate = units::count((rows as f64 / elapsed.as_secs_f64().max(1e-3)) as u64);
    format!("{}, {rate} a second, {}", units::counted(rows, "row"), units::duration(elapsed))
}

/// The terminal, a little narrower than it is: lines are filled up to its width, and a Ctrl-C that the terminal shows must not begin another.
#[derive(Debug)]
struct Screen(Term);

/// What a terminal shows for Ctrl-C takes so many columns, and the cursor one.
const FREE_COLUMNS: u16 = 3;

impl TermLike for Screen {
    fn width(&self) -> u16 {
        TermLike::width(&self.0).saturating_sub(FREE_COLUMNS)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        TermLike::move_cursor_up(&self.0, lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        TermLike::move_cursor_down(&self.0, lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        TermLike::move_cursor_right(&self.0, columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        TermLike::move_cursor_left(&self.0, columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        TermLike::write_line(&self.0, text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        TermLike::write_str(&self.0, text)
    }

    fn clear_line(&self) -> io::Result<()> {
        TermLike::clear_line(&self.0)
    }

    fn flush(&self) -> io::Result<()> {
        TermLike::flush(&self.0)
    }
}

/// A place for an answer; the progress line goes away before the first of it is written.
pub(crate) struct Before<'a> {
    progress: Option<Progress>,
    out: &'a mut Output,
}

impl Write for Before<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.progress = None;
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        if let Some(drawer) = self.drawer.take() {
            drawer.abort();
            DRAWN.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        self.bar.finish_and_clear();
    }
}
