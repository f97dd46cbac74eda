//! What can be wrong with a configuration, each told in one line that names the place to mend.
//!
//! The line is for the operator who just started the daemon: where, what, and what was expected
//! instead. Text from outside is shortened and escaped, so that it is always one line.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// How much of a wrong value is repeated: enough to recognise it.
const SHOWN_CHARS_MAX: usize = 60;

/// Why a configuration was refused. Displays as one line.
#[derive(Debug)]
pub enum ConfigError {
    /// The file that was named cannot be read.
    Unreadable {
        /// The file, as it was named.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is not TOML.
    Syntax {
        /// Where the parser stopped.
        at: Position,
        /// What the parser said.
        message: String,
    },
    /// A key, section or variable that nothing reads.
    Unknown {
        /// Where it stands, if in a file.
        at: Option<Position>,
        /// `key`, `section` or `variable`.
        kind: &'static str,
        /// Its name as written; a section with its brackets.
        name: String,
        /// The known name that was probably meant.
        suggestion: Option<String>,
    },
    /// A value of the wrong type, or outside its bounds.
    Invalid {
        /// Where it stands, if in a file.
        at: Option<Position>,
        /// The key or the variable.
        name: String,
        /// Completes "must be …".
        expected: String,
        /// Completes "…, not …".
        found: String,
    },
    /// Nothing says where the data goes, and the environment has no place for it.
    NoDataDir,
}

/// A line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}

impl ConfigError {
    /// The line of the file, for telling the first mistake first.
    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Self::Syntax { at, .. } => Some(at.line),
            Self::Unknown { at, .. } | Self::Invalid { at, .. } => at.as_ref().map(|at| at.line),
            Self::Unreadable { .. } | Self::NoDataDir => None,
        }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(f, "cannot read the configuration `{}`: {error}", file.display())
            }
            Self::Syntax { at, message } => write!(f, "{at}: {}", one_line(message)),
            Self::Unknown { at, kind, name, suggestion } => {
                write!(f, "{}unknown {kind} {}", prefix(at.as_ref()), quoted(name))?;
                match suggestion {
                    Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
                    None => Ok(()),
                }
            }
            Self::Invalid { at, name, expected, found } => {
                write!(f, "{}`{name}` must be {expected}, not {found}", prefix(at.as_ref()))
            }
            Self::NoDataDir => f.write_str(
                "no place for the data: set `data_dir`, `TIDINGS_DATA_DIR` or `--data-dir` \
                 (neither STATE_DIRECTORY, XDG_DATA_HOME nor HOME names one)",
            ),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

fn prefix(at: Option<&Position>) -> String {
    at.map(|at| format!("{at}: ")).unwrap_or_default()
}

/// Outside text between back quotes, on one line and not longer than is useful.
pub(super) fn quoted(text: &str) -> String {
    let start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let ellipsis = if start.len() < text.len() { "…" } else { "" };
    format!("`{}{ellipsis}`", one_line(&start))
}

/// Escapes what would break or disguise the line; quotes and backslashes stay as they are.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '\'' | '\\' => line.push(char),
            _ => line.extend(char.escape_debug()),
        }
    }
    line
}
