//! The answers of a local receiver, scripted: the grammar of `tidings listen --fail`.
//!
//! A script is a list of parts, separated by commas. Parts answer in turn and the last one stays;
//! `loop` at the end starts over instead. A part with a percentage takes its share of all
//! requests and leaves the turn of the others alone. [`Script`] is what was written, `Player`
//! walks through it; both are pure, and the same requests always get the same answers.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hyper::StatusCode;

use crate::limits::{ANSWER_DELAY_MS_MAX, SCRIPT_PARTS_MAX, SCRIPT_TIMES_MAX};

/// What `--help` says about the grammar.
pub const GRAMMAR: &str = "\
Answers to successive requests, as parts separated by commas. The last part stays, or `loop` at \
the end starts over.

  503        a status, 200 to 599
  auto       200, or 401 when a signature is wrong (what happens without --fail)
  hang       never answers
  reset      resets the connection
  503x3      three times in turn
  200+2s     after a delay (ms, s, m)
  10%:503    every tenth request of all; the rest follow the other parts";

/// How one request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is sent.
    pub reply: Reply,
    /// How long the answer waits.
    pub delay: Duration,
}

/// What is sent as an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 200, or 401 when a signature is wrong.
    Auto,
    /// This status, whatever the signatures say.
    Status(StatusCode),
    /// Nothing, ever; the connection stays open.
    Hang,
    /// Nothing; the connection is reset.
    Reset,
}

/// A parsed answer script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    turns: Vec<Turn>,
    shares: Vec<Share>,
    starts_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    answer: Answer,
    times: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    percent: u32,
    answer: Answer,
}

const AUTO: Answer = Answer { reply: Reply::Auto, delay: Duration::ZERO };

impl Default for Script {
    /// Answers every request by its signatures.
    fn default() -> Self {
        Self {
            turns: vec![Turn { answer: AUTO, times: 1 }],
            shares: Vec::new(),
            starts_over: false,
        }
    }
}

/// A part of a script that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    part: String,
    problem: &'static str,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.part, self.problem)
    }
}

impl std::error::Error for ScriptError {}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self { turns: Vec::new(), shares: Vec::new(), starts_over: false };
        for (index, part) in text.split(',').map(str::trim).enumerate() {
            let error = |problem| ScriptError { part: part.to_owned(), problem };
            if index == SCRIPT_PARTS_MAX {
                return Err(error("a script has at most 256 parts"));
            }
            if script.starts_over {
                return Err(error("nothing can follow loop"));
            }
            script.add(part).map_err(error)?;
        }
        if script.shares.iter().map(|share| share.percent).sum::<u32>() > 100 {
            let problem = "the percentages are more than 100 together";
            return Err(ScriptError { part: text.to_owned(), problem });
        }
        if script.turns.is_empty() {
            script.turns = Self::default().turns;
        }
        Ok(script)
    }
}

impl Script {
    fn add(&mut self, part: &str) -> Result<(), &'static str> {
        if part == "loop" {
            self.starts_over = !self.turns.is_empty();
            return if self.starts_over { Ok(()) } else { Err("loop needs answers before it") };
        }
        if let Some((percent, answer)) = part.split_once("%:") {
            let percent = percent.parse().ok().filter(|percent| (1..=100).contains(percent));
            let percent = percent.ok_or("the percentage must be 1 to 100")?;
            self.shares.push(Share { percent, answer: parse_answer(answer)? });
            return Ok(());
        }
        let (answer, times) = match part.split_once('x') {
            Some((answer, times)) => (answer, parse_times(times)?),
            None => (part, 1),
        };
        self.turns.push(Turn { answer: parse_answer(answer)?, times });
        Ok(())
    }
}

fn parse_times(text: &str) -> Result<u32, &'static str> {
    let times = text.parse().ok().filter(|times| (1..=SCRIPT_TIMES_MAX).contains(times));
    times.ok_or("after x comes how often, 1 to 1000000")
}

fn parse_answer(text: &str) -> Result<Answer, &'static str> {
    let (reply, delay) = match text.split_once('+') {
        Some((reply, delay)) => (reply, parse_delay(delay)?),
        None => (text, Duration::ZERO),
    };
    let reply = match reply {
        "auto" => Reply::Auto,
        "hang" if delay.is_zero() => Reply::Hang,
        "hang" => return Err("hang never answers, so it takes no delay"),
        "reset" => Reply::Reset,
        status => Reply::Status(parse_status(status)?),
    };
    Ok(Answer { reply, delay })
}

fn parse_status(text: &str) -> Result<StatusCode, &'static str> {
    let status = text.parse::<u16>().ok().filter(|status| (200..600).contains(status));
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    status.ok_or("an answer is a status (200 to 599), auto, hang or reset")
}

fn parse_delay(text: &str) -> Result<Duration, &'static str> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
    let delay = millis.zip(number).and_then(|(millis, number)| number.checked_mul(millis));
    let delay = delay.filter(|millis| *millis <= ANSWER_DELAY_MS_MAX);
    delay.map(Duration::from_millis).ok_or("a delay is like 500ms, 2s or 1m, and at most 10m")
}

/// Walks through a script, one answer for each request.
#[derive(Clone, Debug)]
pub(super) struct Player {
    script: Script,
    /// Hundredths of a request that each share has saved up.
    saved: Vec<u32>,
    turn: usize,
    taken: u32,
}

impl Player {
    /// Starts at the beginning of the script.
    pub(super) fn new(script: Script) -> Self {
        Self { saved: vec![0; script.shares.len()], script, turn: 0, taken: 0 }
    }

    /// The answer to the next request.
    pub(super) fn answer(&mut self) -> Answer {
        if let Some(answer) = self.shared_answer() {
            return answer;
        }
        let turn = self.script.turns[self.turn];
        self.taken += 1;
        let last = self.turn + 1 == self.script.turns.len();
        if self.taken < turn.times {
            return turn.answer;
        }
        if !last {
            self.turn += 1;
            self.taken = 0;
        } else if self.script.starts_over {
            self.turn = 0;
            self.taken = 0;
        } else {
            self.taken = turn.times - 1;
        }
        turn.answer
    }

    /// Every share saves its percentage; the first that has a whole request takes this one.
    fn shared_answer(&mut self) -> Option<Answer> {
        let mut taken = None;
        for (saved, share) in self.saved.iter_mut().zip(&self.script.shares) {
            *saved += share.percent;
            if *saved >= 100 && taken.is_none() {
                *saved -= 100;
                taken = Some(share.answer);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first answers of a script, in short.
    fn played(script: &str, requests: usize) -> Vec<String> {
        let mut player = Player::new(script.parse().unwrap());
        let short = |answer: Answer| match answer.reply {
            Reply::Status(status) => format!("{}+{}", status.as_u16(), answer.delay.as_millis()),
            other => format!("{other:?}+{}", answer.delay.as_millis()),
        };
        (0..requests).map(|_| short(player.answer())).collect()
    }

    #[test]
    fn answers_come_in_turn() {
        assert_eq!(played("503,503,200", 4), ["503+0", "503+0", "200+0", "200+0"]);
        assert_eq!(played("500x3, 200", 5), ["500+0", "500+0", "500+0", "200+0", "200+0"]);
        assert_eq!(played("410", 2), ["410+0", "410+0"]);
        assert_eq!(played("200x2,503,loop", 5), ["200+0", "200+0", "503+0", "200+0", "200+0"]);
        assert_eq!(played("200+2s,hang,reset+5ms", 3), ["200+2000", "Hang+0", "Reset+5"]);
        assert_eq!(played("503+1mx2,auto", 3), ["503+60000", "503+60000", "Auto+0"]);
    }

    /// Where two shares fall on one request, the second takes the next one.
    #[test]
    fn shares_are_exact_and_leave_the_turns_alone() {
        let answers = played("10%:503,25%:hang,418,204", 101);
        let count = |wanted: &str| answers.iter().filter(|answer| *answer == wanted).count();
        assert_eq!(count("503+0"), 10);
        assert_eq!(count("Hang+0"), 25);
        assert_eq!(count("418+0"), 1);
        assert_eq!(played("10%:503", 10)[8..], ["Auto+0", "503+0"]);
    }

    #[test]
    fn errors_name_the_part() {
        let cases = [
            ("200,50O", r#""50O": an answer is a status (200 to 599), auto, hang or reset"#),
            ("", r#""": an answer is a status (200 to 599), auto, hang or reset"#),
            ("100", r#""100": an answer is a status (200 to 599), auto, hang or reset"#),
            ("500x0", r#""500x0": after x comes how often, 1 to 1000000"#),
            ("0%:500", r#""0%:500": the percentage must be 1 to 100"#),
            ("60%:500,60%:hang", "the percentages are more than 100 together"),
            ("200+2", r#""200+2": a delay is like 500ms, 2s or 1m, and at most 10m"#),
            ("200+11m", r#""200+11m": a delay is like 500ms, 2s or 1m, and at most 10m"#),
            ("hang+1s", r#""hang+1s": hang never answers, so it takes no delay"#),
            ("loop", r#""loop": loop needs answers before it"#),
            ("200,loop,500", r#""500": nothing can follow loop"#),
        ];
        for (script, message) in cases {
            let error = script.parse::<Script>().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
