//! A line on standard error that tells how far a long piece of work has come; nothing at all where standard error is no terminal.
//!
//! It looks at counters that the work moves, and knows nothing else of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

/// How often the line is drawn again: often enough to look alive.
const REDRAW: Duration = Duration::from_millis(120);
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
        Self::start(label, "{spinner} {msg}: {human_pos} rows, {per_sec}, {elapsed}", Box::new(rows), None)
    }

    /// Bytes of a known number.
    pub(crate) fn bytes(label: &str, bytes: impl Fn() -> u64 + Send + 'static, total: impl Fn() -> u64 + Send + 'static) -> Self {
        let template = "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {elapsed}";
        Self::start(label, template, Box::new(bytes), Some(Box::new(total)))
    }

    /// A statement that may be a load: rows that it writes. Nothing is drawn while it writes none, so a query never has a line.
    pub(crate) fn load() -> Self {
        let before = clouddb_engine::rows_written();
        Self::rows("loading", move || clouddb_engine::rows_written() - before)
    }

    fn start(label: &str, template: &str, counter: Counter, total: Option<Counter>) -> Self {
        let stopped = Arc::new(Mutex::new(false));
        if !output::stderr_is_terminal() {
            return Self { bar: ProgressBar::hidden(), stopped, drawer: None };
        }
        let bar = ProgressBar::with_draw_target(total.as_ref().map(|_| 0), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(label.to_owned());
        *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        let drawer = tokio::spawn(draw(bar.clone(), Arc::clone(&stopped), counter, total));
        Self { bar, stopped, drawer: Some(drawer) }
    }
}

async fn draw(bar: ProgressBar, stopped: Arc<Mutex<bool>>, counter: Counter, total: Option<Counter>) {
    tokio::time::sleep(PATIENCE).await;
    let mut is_hidden = true;
    loop {
        let count = counter();
        if count > 0 {
            let stopped = stopped.lock().unwrap_or_else(PoisonError::into_inner);
            if *stopped {
                return;
            }
            if std::mem::take(&mut is_hidden) {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            if let Some(total) = &total {
                bar.set_length(total());
            }
            bar.set_position(count);
            bar.tick();
        }
        tokio::time::sleep(REDRAW).await;
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
