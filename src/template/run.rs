//! Runs a compiled template: the engine walks it, and calls back here for everything that it does.
//!
//! The engine is given nothing but the functions below: no filter, test or global of its own, no
//! loader, no user's text. What goes wrong in a function is kept as a flaw with its place in the
//! user's source; the engine's own error only stops the walk. What the engine has read of a program
//! can be run again; of one run, nothing is left for the next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Zoned;
use minijinja::value::{Rest, Value};
use minijinja::{Environment, Error, ErrorKind, State};

use super::compile::{Program, Site, SiteKind};
use super::context::Context;
use super::fault::{Checked, Flaw};
use super::filters::{self, Surroundings, formatted};
use super::operators;
use super::sink::{Medium, Sink};
use super::values::{self, Style, Told};
use crate::limits::TEMPLATE_ITEMS_MAX;

/// How a template is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) medium: Medium,
    /// How lists are written within texts.
    pub(super) style: Style,
    /// What is not set is a fault.
    pub(super) is_strict: bool,
    /// How much work it may be.
    pub(super) fuel: u64,
}

/// The name under which the engine knows a program; its errors show it.
const NAME: &str = "<string>";

/// What the engine calls back to.
struct Engine {
    program: Program,
    is_strict: bool,
    moving: Mutex<Moving>,
}

/// What changes while a template runs; every run has its own.
struct Moving {
    surroundings: Surroundings,
    sink: Sink,
    flaw: Option<Flaw>,
    /// How often each `cycle` was asked.
    cycles: BTreeMap<usize, usize>,
    /// What each `ifchanged` saw last.
    seen: BTreeMap<usize, String>,
}

impl Moving {
    fn new(manner: Manner, now: Zoned) -> Self {
        Self {
            surroundings: Surroundings { now, style: manner.style },
            sink: Sink::new(manner.medium),
            flaw: None,
            cycles: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }
}

/// Whether the engine takes the program.
pub(super) fn check(program: &Program) -> Checked<()> {
    let env = Environment::empty();
    let parsed = env.template_from_str(&program.code);
    parsed.map(drop).map_err(|error| engine_flaw(program, &error))
}

/// A program that the engine has read, to be run as often as is wanted.
pub(super) struct Loaded {
    env: Environment<'static>,
    engine: Arc<Engine>,
    manner: Manner,
}

impl Loaded {
    /// Has the engine read the program.
    pub(super) fn new(mut program: Program, manner: Manner) -> Checked<Self> {
        let mut env = Environment::empty();
        env.set_fuel(Some(manner.fuel));
        let code = std::mem::take(&mut program.code);
        env.add_template_owned(NAME, code).map_err(|error| engine_flaw(&program, &error))?;
        let moving = Moving::new(manner, Zoned::default()).into();
        let engine = Arc::new(Engine { program, is_strict: manner.is_strict, moving });
        add_functions(&mut env, &engine);
        Ok(Self { env, engine, manner })
    }

    /// Runs it; the sink has what came out.
    pub(super) fn run(&self, context: &Context) -> Checked<Sink> {
        let program = &self.engine.program;
        let names = program.names.iter().enumerate();
        let names = names.map(|(index, name)| (format!("n{index}"), context.name(name)));
        let consts = program.consts.iter().enumerate();
        let consts = consts.map(|(index, value)| (format!("c{index}"), value.clone()));
        let root =
            Value::from_pairs(names.chain(consts).filter(|(_, value)| !value.is_undefined()));

        let fresh = || Moving::new(self.manner, context.now.clone());
        *self.engine.moving() = fresh();
        let result = self.env.get_template(NAME).and_then(|template| template.render(root));
        let Moving { sink, flaw, .. } = std::mem::replace(&mut *self.engine.moving(), fresh());
        match (flaw, result) {
            (Some(flaw), _) => Err(flaw),
            (None, Err(error)) => Err(engine_flaw(program, &error)),
            (None, Ok(_)) => Ok(sink),
        }
    }
}

/// An error that the engine found itself.
fn engine_flaw(program: &Program, error: &Error) -> Flaw {
    let line = error.line().unwrap_or(1);
    let at = program.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
    let message = match error.kind() {
        ErrorKind::OutOfFuel => {
            "the template does too much: fewer rounds, or less text, are needed".to_owned()
        }
        _ => format!("the template can not be run: {error}"),
    };
    Flaw { at, message }
}

fn add_functions(env: &mut Environment<'_>, engine: &Arc<Engine>) {
    /// A function of the engine that calls a method with the rest of the arguments.
    macro_rules! add {
        ($name:literal, $method:ident) => {{
            let engine = Arc::clone(engine);
            env.add_function($name, move |state: &State, site: usize, args: Rest<Value>| {
                engine.call(state, site, &args, Engine::$method)
            });
        }};
    }
    add!("text", text);
    add!("out", out);
    add!("filter", filter);
    add!("op", op);
    add!("test", test);
    add!("items", items);
    add!("part", part);
    add!("range", range);
    add!("firstof", first_of);
    add!("cycle", cycle);
    add!("widthratio", width_ratio);
    add!("now", now);
    add!("same", same);
    add!("changed", changed);
    env.add_function("get", |of: Value, key: Value| filters::lookup(&of, &key));
    env.add_function("list", |items: Rest<Value>| Value::from(items.0));
    let marking = Arc::clone(engine);
    env.add_function("mark", move || {
        marking.moving().sink.mark();
        ""
    });
    let engine = Arc::clone(engine);
    env.add_function("spaceless", move || {
        let mut moving = engine.moving();
        let (mark, text) = moving.sink.since_mark();
        moving.sink.drop_blanks(&mark, &text);
        ""
    });
}

/// Bytes that a unit of fuel pays for, as in the engine.
const BYTES_PER_FUEL: usize = 64;

/// What a text costs, like those that the engine makes itself.
fn text_cost(value: &Value) -> u64 {
    values::string(value).map_or(0, |text| (text.len() / BYTES_PER_FUEL) as u64)
}

/// What a call costs before it is made: its texts, and the items of its lists.
fn cost(place: &Site, args: &[Value]) -> u64 {
    /// Lists and objects are compared by their JSON.
    const COMPARING: u64 = 2_000;
    let lengths = args.iter().map(|arg| match values::string(arg) {
        Some(_) => text_cost(arg),
        None => arg.len().unwrap_or(0) as u64,
    });
    let own = match &place.kind {
        SiteKind::Text(text) => (text.len() / BYTES_PER_FUEL) as u64,
        SiteKind::Op(_) if args.iter().all(|arg| !values::is_scalar(arg)) => COMPARING,
        _ => 0,
    };
    own + lengths.sum::<u64>()
}

type Method = fn(&Engine, usize, &Site, &[Value]) -> Told<Value>;

fn arg(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::UNDEFINED)
}

impl Engine {
    fn moving(&self) -> MutexGuard<'_, Moving> {
        // Nobody panics while holding it, and one thread alone runs a template.
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls a method for a place in the source, charges what it took in, and keeps its fault.
    fn call(
        &self,
        state: &State<'_, '_>,
        site: usize,
        args: &[Value],
        method: Method,
    ) -> Result<Value, Error> {
        let place = self.program.sites.get(site).expect("the compiler made it");
        state.consume_fuel(cost(place, args))?;
        let result = method(self, site, place, args);
        let result = result.map_err(|message| {
            let flaw = Flaw { at: place.at, message };
            self.moving().flaw.get_or_insert(flaw);
            Error::new(ErrorKind::InvalidOperation, "")
        })?;
        state.consume_fuel(text_cost(&result))?;
        Ok(result)
    }

    /// Refuses what is not set, where the template is strict.
    fn wants(&self, value: &Value, shown: &str) -> Told<()> {
        if self.is_strict && value.is_undefined() {
            return Err(format!("`{shown}` is not set, and the template is strict"));
        }
        Ok(())
    }

    fn text(&self, _: usize, site: &Site, _: &[Value]) -> Told<Value> {
        let SiteKind::Text(text) = &site.kind else { return Ok(Value::UNDEFINED) };
        let mut moving = self.moving();
        moving.sink.comes_from(site.at, true);
        moving.sink.write(text).map(|()| "".into())
    }

    fn out(&self, _: usize, site: &Site, args: &[Value]) -> Told<Value> {
        let value = arg(args, 0);
        self.wants(value, &site.shown)?;
        let mut moving = self.moving();
        moving.sink.comes_from(site.at, false);
        let escapes = matches!(site.kind, SiteKind::Out(true));
        moving.sink.value(value, escapes).map(|()| "".into())
    }

    fn filter(&self, _: usize, site: &Site, args: &[Value]) -> Told<Value> {
        let SiteKind::Filter(spec) = site.kind else { return Ok(Value::UNDEFINED) };
        let (value, args) = args.split_first().unwrap_or((&Value::UNDEFINED, &[]));
        if !spec.takes_nothing {
            self.wants(value, &site.shown)?;
        }
        for arg in args {
            self.wants(arg, &format!("the argument of `{}`", spec.name))?;
        }
        let run = (spec.run)(&self.moving().surroundings, value, args);
        run.map_err(|why| format!("`{}`: {why}", spec.name))
    }

    fn op(&self, _: usize, site: &Site, args: &[Value]) -> Told<Value> {
        let SiteKind::Op(op) = site.kind else { return Ok(Value::UNDEFINED) };
        if operators::makes_value(op) {
            self.wants(arg(args, 0), &site.shown)?;
            self.wants(arg(args, 1), &site.shown)?;
        }
        let style = self.moving().surroundings.style;
        operators::apply(op, arg(args, 0), arg(args, 1), style)
    }

    fn test(&self, _: usize, site: &Site, args: &[Value]) -> Told<Value> {
        let SiteKind::Test(test) = site.kind else { return Ok(Value::UNDEFINED) };
        Ok(operators::test(test, arg(args, 0), arg(args, 1)).into())
    }

    /// What a loop runs over, as a list.
    fn items(&self, _: usize, site: &Site, args: &[Value]) -> Told<Value> {
        let SiteKind::Loop(is_reversed, within) = &site.kind else { return Ok(Value::UNDEFINED) };
        let over = arg(args, 0);
        self.wants(over, &site.shown)?;
        // What `ifchanged` saw in an earlier run of this loop counts no more, as in Django.
        self.moving().seen.retain(|site, _| !within.contains(site));
        let is_list = values::string(over).is_some() || over.len().is_some();
        if !is_list && !values::is_nothing(over) {
            let kind = values::kind_name(over);
            return Err(format!("`{}` is {kind}, and a loop needs a list", site.shown));
        }
        if over.len().is_some_and(|length| length > TEMPLATE_ITEMS_MAX) {
            return Err(format!("a loop runs over at most {TEMPLATE_ITEMS_MAX} items"));
        }
        let mut items: Vec<Value> = match values::string(over) {
            Some(text) => text.chars().take(TEMPLATE_ITEMS_MAX).map(Value::from).collect(),
            None => values::items(over).collect(),
        };
        if *is_reversed {
            items.reverse();
        }
        Ok(items.into())
    }

    /// One of the names that an item is taken apart into.
    fn part(&self, _: usize, site: &Site, args: &[Value]) -> Told<Value> {
        let (item, count) = (arg(args, 0), arg(args, 2).as_usize());
        if item.len() != count || values::string(item).is_some() {
            let count = count.unwrap_or(0);
            return Err(format!("an item of `{}` is no list of {count}", site.shown));
        }
        Ok(filters::lookup(item, arg(args, 1)))
    }

    fn range(&self, _: usize, _: &Site, args: &[Value]) -> Told<Value> {
        operators::range(args)
    }

    fn first_of(&self, _: usize, _: &Site, args: &[Value]) -> Told<Value> {
        Ok(args.iter().find(|value| value.is_true()).cloned().unwrap_or_else(|| "".into()))
    }

    fn cycle(&self, site: usize, _: &Site, args: &[Value]) -> Told<Value> {
        let mut moving = self.moving();
        let turn = moving.cycles.entry(site).or_insert(0);
        let value = args.get(*turn % args.len().max(1)).cloned().unwrap_or_default();
        *turn += 1;
        Ok(value)
    }

    fn width_ratio(&self, _: usize, _: &Site, args: &[Value]) -> Told<Value> {
        operators::width_ratio(arg(args, 0), arg(args, 1), arg(args, 2))
    }

    fn now(&self, _: usize, _: &Site, args: &[Value]) -> Told<Value> {
        let pattern = values::text(arg(args, 0), Style::Json)?;
        Ok(formatted(&self.moving().surroundings.now, &pattern)?.into())
    }

    /// Whether the content of an `ifchanged` is what it was; then it is taken back.
    fn same(&self, site: usize, _: &Site, _: &[Value]) -> Told<Value> {
        let mut moving = self.moving();
        let (mark, text) = moving.sink.since_mark();
        if moving.seen.get(&site) == Some(&text) {
            moving.sink.rewind(&mark);
            return Ok(true.into());
        }
        moving.seen.insert(site, text);
        Ok(false.into())
    }

    /// Whether the values of an `ifchanged` are other than they were.
    fn changed(&self, site: usize, _: &Site, args: &[Value]) -> Told<Value> {
        let now = values::json(&args.to_vec().into())?;
        let before = self.moving().seen.insert(site, now.clone());
        Ok((before.as_ref() != Some(&now)).into())
    }
}
