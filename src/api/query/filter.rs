//! The grammar of `filter` (contract: wire.md §4.1): `operator(field,value)`, several of them
//! separated by commas, all of which are to hold.
//!
//! | value | spelt |
//! |---|---|
//! | text | `"…"` or `'…'`, in which a backslash takes the next character as it is |
//! | moment, number, boolean | bare or quoted: `2026-09-04T13:38:55Z`, `5`, `true` |
//! | list | `["a","b"]` |
//! | none | `has(profile)` |
//!
//! `equals` takes a list of one value as that value: some of the contract's examples are written so.
//!
//! Reading knows no field; [`check`] holds a term against those of a call. Both say what is wrong
//! in words, because a filter can stand in a URL and in a body.

use super::hint;
use crate::api::error::Problem;
use crate::clock::Timestamp;

/// The parameter that terms of a URL stand in.
pub(super) const NAME: &str = "filter";
const SHAPE: &str = "a filter is operator(field,value), as equals(state,\"scheduled\")";

/// Each field of a filter with its operators.
pub(in crate::api) type Known<'k> = [(&'k str, &'k [&'k str])];

/// The value of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) enum TermValue {
    /// One text, number, moment or boolean, without its quotes.
    One(String),
    /// A list.
    Many(Vec<String>),
    /// None, as in `has(profile)`.
    None,
}

/// One term of a `filter`: `operator(field,value)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Term {
    pub(in crate::api) operator: String,
    pub(in crate::api) field: String,
    pub(in crate::api) value: TermValue,
}

impl Term {
    /// The value, which is one; `equals` may have it in a list.
    ///
    /// # Errors
    /// Where there are several, or it is missing, or another operator has a list.
    pub(in crate::api) fn text(&self) -> Result<&str, Problem> {
        self.one().map_err(wrong)
    }

    /// The values, which are one or a list of at least one.
    ///
    /// # Errors
    /// Where there are none.
    pub(in crate::api) fn texts(&self) -> Result<Vec<&str>, Problem> {
        match &self.value {
            TermValue::Many(values) if !values.is_empty() => {
                Ok(values.iter().map(String::as_str).collect())
            }
            TermValue::One(value) => Ok(vec![value]),
            TermValue::Many(_) | TermValue::None => {
                let (operator, field) = (&self.operator, &self.field);
                Err(wrong(format!(
                    "`{operator}({field},…)` takes a list of at least one, as \
                     {operator}({field},[\"a\",\"b\"])"
                )))
            }
        }
    }

    /// The value as a moment; one without an offset is in UTC.
    ///
    /// # Errors
    /// Where it is none.
    pub(in crate::api) fn moment(&self) -> Result<Timestamp, Problem> {
        let text = self.text()?;
        moment(text).ok_or_else(|| {
            wrong(format!("`{text}` is no moment (RFC 3339), such as 2026-09-04T13:38:55Z"))
        })
    }

    /// The value as a number.
    ///
    /// # Errors
    /// Where it is none.
    pub(in crate::api) fn number(&self) -> Result<f64, Problem> {
        let text = self.text()?;
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| wrong(format!("`{text}` is no number, such as 1788529135")))
    }

    /// The value as a boolean.
    ///
    /// # Errors
    /// Where it is neither `true` nor `false`.
    pub(in crate::api) fn boolean(&self) -> Result<bool, Problem> {
        match self.text()? {
            "true" | "True" => Ok(true),
            "false" | "False" => Ok(false),
            other => Err(wrong(format!("`{other}` is neither true nor false"))),
        }
    }

    /// As [`Term::text`], its fault in words.
    pub(in crate::api) fn one(&self) -> Result<&str, String> {
        let (operator, field) = (&self.operator, &self.field);
        match &self.value {
            TermValue::One(value) => Ok(value),
            TermValue::Many(values) if operator == "equals" => match values.as_slice() {
                [value] => Ok(value),
                [] => Err(format!("`equals({field},…)` takes one value, and its list has none")),
                several => {
                    let count = several.len();
                    Err(format!("`equals({field},…)` takes one value, and its list has {count}"))
                }
            },
            TermValue::Many(_) => Err(format!("`{operator}({field},…)` takes one value, no list")),
            TermValue::None => {
                Err(format!("`{operator}({field})` needs a value, as {operator}({field},\"a\")"))
            }
        }
    }
}

fn wrong(why: impl Into<Box<str>>) -> Problem {
    Problem::parameter(NAME, why)
}

/// Reads a moment of a URL, where a `+` that was not escaped arrives as a space.
fn moment(text: &str) -> Option<Timestamp> {
    Timestamp::parse_iso8601(text).or_else(|| Timestamp::parse_iso8601(&text.replace(' ', "+")))
}

/// Reads all terms of a filter.
///
/// # Errors
/// What does not follow the grammar, in words.
pub(in crate::api) fn parse(text: &str) -> Result<Vec<Term>, String> {
    let mut terms = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (term, after) = next_term(rest)?;
        terms.push(term);
        rest = match after.trim_start().strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if after.trim().is_empty() => "",
            None => return Err("expected `,` between terms".to_owned()),
        };
    }
    Ok(terms)
}

/// Holds a term against the fields and operators that there are.
///
/// # Errors
/// What is not known, and what is; in words.
pub(in crate::api) fn check(term: &Term, known: &Known<'_>) -> Result<(), String> {
    let Term { operator, field, value } = term;
    let Some((_, operators)) = known.iter().find(|(of, _)| of == field) else {
        let fields: Vec<&str> = known.iter().map(|(field, _)| *field).collect();
        return Err(format!("`{field}` is not known here; {}", hint(field, &fields)));
    };
    if !operators.contains(&operator.as_str()) {
        let hint = hint(operator, operators);
        return Err(format!("`{operator}({field},…)` is not known here; for `{field}` {hint}"));
    }
    match (operator.as_str(), value) {
        ("has", TermValue::None) => Ok(()),
        ("has", _) => Err(format!("`has` takes no value: has({field})")),
        ("any" | "contains-any" | "contains-all", TermValue::Many(_)) => Ok(()),
        ("equals", TermValue::Many(values)) if values.len() > 1 && operators.contains(&"any") => {
            let why = term.one().map(|_| ());
            why.map_err(|why| format!("{why}; any({field},[…]) takes several"))
        }
        (_, _) => term.one().map(|_| ()),
    }
}

/// Reads one `operator(field,value)` from the front.
fn next_term(text: &str) -> Result<(Term, &str), String> {
    let (operator, rest) = text.split_once('(').ok_or(SHAPE)?;
    let (field, rest) = name(rest.trim_start())?;
    let (value, rest) = match rest.strip_prefix(',') {
        Some(rest) => value(rest.trim_start())?,
        None => (TermValue::None, rest),
    };
    let rest = rest.trim_start().strip_prefix(')').ok_or(SHAPE)?;
    Ok((Term { operator: operator.trim().to_owned(), field, value }, rest))
}

/// Reads the name of a field, and stops before what ends it.
fn name(text: &str) -> Result<(String, &str), String> {
    let (name, rest) = item(text, &[',', ')'])?;
    if name.is_empty() { Err(SHAPE.to_owned()) } else { Ok((name, rest)) }
}

fn value(text: &str) -> Result<(TermValue, &str), String> {
    let Some(mut rest) = text.strip_prefix('[') else {
        let (value, after) = item(text, &[')'])?;
        let is_missing = value.is_empty() && !text.starts_with(['"', '\'']);
        return if is_missing { Err(SHAPE.to_owned()) } else { Ok((TermValue::One(value), after)) };
    };
    let mut values = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            return Ok((TermValue::Many(values), after));
        }
        let (value, after) = item(rest, &[',', ']'])?;
        values.push(value);
        rest = after.strip_prefix(',').unwrap_or(after);
    }
}

/// Reads something quoted, or something bare up to one of `ends`; one of these follows.
fn item<'t>(text: &'t str, ends: &[char]) -> Result<(String, &'t str), String> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let (value, rest) = quoted(text, quote).ok_or("a quoted value does not end")?;
        let rest = rest.trim_start();
        return if rest.starts_with(ends) { Ok((value, rest)) } else { Err(SHAPE.to_owned()) };
    }
    let at = text.find(ends).ok_or(SHAPE)?;
    let (value, rest) = text.split_at(at);
    Ok((value.trim().to_owned(), rest))
}

/// Reads a quoted value, in which a backslash takes the next character as it is.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some((value, text.split_at(at + quote.len_utf8()).1));
        }
        value.push(if character == '\\' { characters.next()?.1 } else { character });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> TermValue {
        TermValue::One(text.to_owned())
    }

    fn many(texts: &[&str]) -> TermValue {
        TermValue::Many(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn every_spelling_of_a_value_is_read() {
        for (text, operator, field, value) in [
            (r#"equals(a.b,"x,y)")"#, "equals", "a.b", one("x,y)")),
            ("equals( name , 'x' )", "equals", "name", one("x")),
            (r#"equals(name,"say \"x\"")"#, "equals", "name", one(r#"say "x""#)),
            (
                "greater-than(c,2026-09-04T13:38:55Z)",
                "greater-than",
                "c",
                one("2026-09-04T13:38:55Z"),
            ),
            ("equals(c,true)", "equals", "c", one("true")),
            ("less-than(c,-1.5)", "less-than", "c", one("-1.5")),
            (r#"any(email,["a","b, c"])"#, "any", "email", many(&["a", "b, c"])),
            ("any(email,[ 'a' , b ])", "any", "email", many(&["a", "b"])),
            ("any(email,[])", "any", "email", many(&[])),
            ("equals(name,['x'])", "equals", "name", many(&["x"])),
            ("has(profile)", "has", "profile", TermValue::None),
            ("equals(name,'')", "equals", "name", one("")),
            ("equals('Price (EUR), net',5)", "equals", "Price (EUR), net", one("5")),
            ("equals(Page Name,5)", "equals", "Page Name", one("5")),
        ] {
            let term = Term { operator: operator.to_owned(), field: field.to_owned(), value };
            assert_eq!(parse(text), Ok(vec![term]), "{text}");
        }
        let fields = |text| parse(text).unwrap().into_iter().map(|t| t.field).collect::<Vec<_>>();
        assert_eq!(fields("has(a) , equals(b,1),any(c,[1,2])"), ["a", "b", "c"]);
        assert_eq!(fields(""), Vec::<String>::new());
    }

    #[test]
    fn what_follows_no_grammar_is_refused() {
        for text in [
            "equals(a",
            "equals(a,",
            "equals(a,)",
            "equals(,1)",
            "equals()",
            "equals",
            "equals(a,'x",
            "equals(a,'x'y)",
            "any(a,['x'",
            "any(a,['x' 'y'])",
            "equals(a,1)equals(b,2)",
            "(a,1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_read_as_what_a_field_wants() {
        let term = |text: &str| parse(text).unwrap().remove(0);
        let at = |text: &str| term(&format!("equals(c,{text})")).moment();
        let moment = at("2026-09-04T13:38:55Z").unwrap();
        for same in
            ["2026-09-04T13:38:55", "\"2026-09-04T15:38:55+02:00\"", "2026-09-04T15:38:55 02:00"]
        {
            assert_eq!(at(same).unwrap(), moment, "{same}");
        }
        assert!(at("yesterday").is_err());
        assert!(term("equals(c,true)").boolean().unwrap());
        assert!(!term("equals(c,'false')").boolean().unwrap());
        assert!(term("equals(c,1)").boolean().is_err());
        assert!((term("equals(c,1.5)").number().unwrap() - 1.5).abs() < f64::EPSILON);
        assert!(term("equals(c,inf)").number().is_err());
        assert_eq!(term("equals(c,1)").texts().unwrap(), ["1"]);
        assert_eq!(term("any(c,[1,2])").texts().unwrap(), ["1", "2"]);
        assert!(term("any(c,[])").texts().is_err());
        assert!(term("any(c,[1])").text().is_err());
        assert_eq!(term("equals(c,['1'])").text().unwrap(), "1");
        assert_eq!(term("equals(c,['1'])").texts().unwrap(), ["1"]);
        for wrong in ["equals(c,[])", "equals(c,[1,2])", "less-than(c,[1])"] {
            assert!(term(wrong).text().is_err(), "{wrong}");
        }
        assert!(term("has(c)").text().is_err());
    }

    #[test]
    fn what_is_unknown_is_named_with_what_there_is() {
        let known: &Known<'_> = &[
            ("name", &["equals", "any"]),
            ("age", &["equals", "less-than"]),
            ("profile", &["has"]),
        ];
        let told = |text: &str| check(&parse(text).unwrap()[0], known);
        for fine in [
            "equals(name,1)",
            "equals(name,['x'])",
            "any(name,[1,2])",
            "any(name,1)",
            "has(profile)",
        ] {
            assert_eq!(told(fine), Ok(()), "{fine}");
        }
        for (text, part) in [
            (
                "equals(nmae,1)",
                "`nmae` is not known here; there are name, age, profile; did you mean `name`?",
            ),
            ("contains(name,1)", "for `name` there are equals, any"),
            ("equal(name,1)", "did you mean `equals`?"),
            ("equals(profile,1)", "for `profile` there is has"),
            ("has(profile,1)", "takes no value"),
            ("equals(name)", "needs a value"),
            ("equals(name,[])", "takes one value, and its list has none"),
            (
                "equals(name,[1,2])",
                "takes one value, and its list has 2; any(name,[…]) takes several",
            ),
            ("equals(age,[1,2])", "`equals(age,…)` takes one value, and its list has 2"),
            ("less-than(age,[1])", "takes one value, no list"),
        ] {
            let why = told(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
