//! A field of characters that points and lines are drawn on: eight dots to a character with Braille, one with ASCII.

/// The field.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    /// Dots to a character, across and down.
    across: usize,
    down: usize,
    /// For each character its dots, and the series that drew there last.
    cells: Vec<(u8, usize)>,
    marks: &'static [char],
    /// Whether a character is a mark of its series, and not a pattern of dots.
    has_marks: bool,
}

/// What stands for a point of each series.
const MARKS: [char; 6] = ['*', 'o', '+', 'x', '#', '@'];

/// The bits of a Braille character's dots, row by row.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

impl Canvas {
    /// A field of so many characters. Series without colours are told apart by marks.
    pub(super) fn new(width: usize, height: usize, has_marks: bool) -> Self {
        let (across, down) = if has_marks { (1, 1) } else { (2, 4) };
        Self { width, height, across, down, cells: vec![(0, 0); width * height], marks: &MARKS, has_marks }
    }

    /// The mark of a series.
    pub(super) fn mark(series: usize) -> char {
        MARKS[series % MARKS.len()]
    }

    /// Dots across and down.
    pub(super) fn dots(&self) -> (usize, usize) {
        (self.width * self.across, self.height * self.down)
    }

    /// Sets a dot; counted from the left and from above.
    pub(super) fn set(&mut self, x: usize, y: usize, series: usize) {
        let (column, row) = (x / self.across, y / self.down);
        if column >= self.width || row >= self.height {
            return;
        }
        let cell = &mut self.cells[row * self.width + column];
        cell.0 |= if self.has_marks { 1 } else { DOTS[y % 4][x % 2] };
        cell.1 = series;
    }

    /// Draws a line between two dots.
    pub(super) fn line(&mut self, from: (usize, usize), to: (usize, usize), series: usize) {
        let (dx, dy) = (to.0 as f64 - from.0 as f64, to.1 as f64 - from.1 as f64);
        let steps = dx.abs().max(dy.abs()).max(1.0) as usize;
        for step in 0..=steps {
            let share = step as f64 / steps as f64;
            let at = |start: usize, distance: f64| (start as f64 + distance * share).round() as usize;
            self.set(at(from.0, dx), at(from.1, dy), series);
        }
    }

    /// One line of characters; `colour` gives what stands before a series' characters.
    pub(super) fn row(&self, row: usize, colour: Option<&dyn Fn(usize) -> String>) -> String {
        let mut text = String::new();
        for (bits, series) in &self.cells[row * self.width..(row + 1) * self.width] {
            let c = match (*bits, self.has_marks) {
                (0, _) => ' ',
                (_, true) => self.marks[series % self.marks.len()],
                (bits, false) => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
            };
            match colour {
                Some(colour) if *bits != 0 => text.push_str(&format!("{}{c}\u{1b}[0m", colour(*series))),
                _ => text.push(c),
            }
        }
        text
    }
}
