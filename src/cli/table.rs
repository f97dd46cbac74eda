//! Aligned text for people: a table, and the words that stand in its cells.
//!
//! Pure, and without knowledge of what it shows; the commands call it. Widths are counted in
//! characters. Every cell passes through [`printable`], so that a name or a response that came
//! from outside can neither break a line nor drive the terminal.

use crate::clock::Timestamp;

/// Between two columns.
const GAP: usize = 2;

/// Whether text is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    /// With ANSI colours.
    On,
    /// Plain.
    Off,
}

impl Colours {
    /// Painted where standard output is a terminal, and `NO_COLOR` is not set.
    pub(super) fn of_stdout() -> Self {
        let is_painted = std::io::IsTerminal::is_terminal(&std::io::stdout())
            && std::env::var_os("NO_COLOR").is_none();
        if is_painted { Self::On } else { Self::Off }
    }

    /// The text with this ANSI code, where text is painted.
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::On => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Off => text.to_owned(),
        }
    }

    /// Something that went well.
    pub(super) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Something that went wrong.
    pub(super) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Something of less importance.
    pub(super) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// What a cell means, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Plain,
    Good,
    Bad,
    Faint,
}

/// One text of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text without a meaning of its own.
    pub(super) fn plain(text: &str) -> Self {
        Self { text: printable(text), tone: Tone::Plain }
    }

    /// Something that went well.
    pub(super) fn good(text: &str) -> Self {
        Self { tone: Tone::Good, ..Self::plain(text) }
    }

    /// Something that went wrong.
    pub(super) fn bad(text: &str) -> Self {
        Self { tone: Tone::Bad, ..Self::plain(text) }
    }

    /// Something that matters less.
    pub(super) fn faint(text: &str) -> Self {
        Self { tone: Tone::Faint, ..Self::plain(text) }
    }

    /// A moment of the API, or a dash where there is none.
    pub(super) fn moment(text: Option<&str>) -> Self {
        text.map_or_else(Self::none, |text| Self::plain(&moment(text)))
    }

    /// The same with more text behind it.
    pub(super) fn followed_by(self, text: &str) -> Self {
        Self { text: self.text + &printable(text), ..self }
    }

    /// Nothing to show.
    pub(super) fn none() -> Self {
        Self::faint("-")
    }

    fn painted(&self, colours: Colours) -> String {
        match self.tone {
            Tone::Plain => self.text.clone(),
            Tone::Good => colours.good(&self.text),
            Tone::Bad => colours.bad(&self.text),
            Tone::Faint => colours.faint(&self.text),
        }
    }
}

/// Rows of cells, each row as long as the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table under these headings.
    pub(super) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| Cell::faint(heading)).collect()] }
    }

    /// One resource: a name and a value in each row.
    pub(super) fn fields(fields: impl IntoIterator<Item = (&'static str, Cell)>) -> Self {
        let row = |(name, value)| vec![Cell::faint(name), value];
        Self { rows: fields.into_iter().map(row).collect() }
    }

    /// Adds a row at the end.
    pub(super) fn push(&mut self, row: Vec<Cell>) {
        debug_assert!(self.rows.first().is_none_or(|first| first.len() == row.len()));
        self.rows.push(row);
    }

    /// The lines, each with its newline and without blanks at its end.
    pub(super) fn text(&self, colours: Colours) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column| self.rows.iter().map(|row| chars(row.get(column))).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            // Blanks are owed until there is something to write, so that no line ends in them.
            let mut owed = 0;
            for (cell, width) in row.iter().zip(&widths).filter(|(_, width)| **width > 0) {
                let length = chars(Some(cell));
                if length > 0 {
                    out.extend(std::iter::repeat_n(' ', owed));
                    out.push_str(&cell.painted(colours));
                    owed = 0;
                }
                owed += width - length + GAP;
            }
            out.push('\n');
        }
        out
    }
}

fn chars(cell: Option<&Cell>) -> usize {
    cell.map_or(0, |cell| cell.text.chars().count())
}

/// A text from outside on one line: white space becomes a space; what drives a terminal, or
/// reorders the text around it, is written out.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() || is_direction_mark(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A moment of the API as people read it, in UTC; anything else as it came.
fn moment(text: &str) -> String {
    let Some(moment) = Timestamp::parse_rfc3339(text) else { return text.to_owned() };
    moment.rfc3339_seconds().replace('T', " ").replace("+00:00", "Z")
}

/// How long it is until `due`, in the unit that a person would choose.
pub(super) fn until(due: Timestamp, now: Timestamp) -> String {
    let seconds = due.since(now).as_secs();
    match seconds {
        0 => "now".to_owned(),
        1..120 => format!("in {seconds} s"),
        120..7_200 => format!("in {} min", seconds / 60),
        7_200..172_800 => format!("in {} h", seconds / 3_600),
        _ => format!("in {} days", seconds / 86_400),
    }
}

/// A duration of the API.
pub(super) fn duration(milliseconds: f64) -> String {
    if milliseconds < 1_000.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{:.2} s", milliseconds / 1_000.0)
    }
}

/// The beginning of a text, and a mark where something is left out.
pub(super) fn beginning(text: &str, chars_max: usize) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.by_ref().take(chars_max).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_characters_and_lines_do_not_trail() {
        let mut table = Table::new(&["ID", "NAME", "URL"]);
        table.push(vec![Cell::plain("1"), Cell::plain("Müller"), Cell::plain("https://a/")]);
        table.push(vec![Cell::plain("22"), Cell::none(), Cell::plain("b")]);
        let expected = "ID  NAME    URL\n1   Müller  https://a/\n22  -       b\n";
        assert_eq!(table.text(Colours::Off), expected);
    }

    #[test]
    fn paint_does_not_count_as_width() {
        let mut table = Table::default();
        table.push(vec![Cell::good("ok"), Cell::plain("x")]);
        table.push(vec![Cell::bad("failed"), Cell::plain("y")]);
        let expected = "\x1b[32mok\x1b[0m      x\n\x1b[31mfailed\x1b[0m  y\n";
        assert_eq!(table.text(Colours::On), expected);
        assert_eq!(Table::default().text(Colours::On), "");
    }

    #[test]
    fn nothing_from_outside_drives_the_terminal() {
        let table = Table::fields([("name", Cell::plain("a\nb\u{1b}[2J\u{202e}"))]);
        assert_eq!(table.text(Colours::Off), "name  a b\\u{1b}[2J\\u{202e}\n");
    }

    #[test]
    fn moments_and_durations_are_short() {
        assert_eq!(moment("2026-04-13T22:50:12.101159+00:00"), "2026-04-13 22:50:12Z");
        assert_eq!(moment("soon"), "soon");
        assert_eq!((duration(12.34), duration(15_000.0)), ("12.3 ms".into(), "15.00 s".into()));
        assert_eq!((beginning("abc", 3), beginning("abcd", 3)), ("abc".into(), "abc…".into()));
        let now = Timestamp::from_seconds(1_000);
        let cases = [(900, "now"), (1_005, "in 5 s"), (1_600, "in 10 min"), (87_400, "in 24 h")];
        for (due, expected) in cases {
            assert_eq!(until(Timestamp::from_seconds(due), now), expected);
        }
        assert_eq!(until(Timestamp::from_seconds(1_000_000), now), "in 11 days");
    }
}
