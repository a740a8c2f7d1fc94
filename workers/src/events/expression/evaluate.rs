//! Going through an expression with one event. Whatever has no value is null, and null counts as false.

use std::rc::Rc;

use serde_json::Value;

use super::syntax::{Comparison, Kind, Loop, Node};
use super::value::Val;
use super::{MAX_STEPS, TooExpensive};

/// How many bytes of a text are read in one step.
const BYTES_OF_A_STEP: usize = 16;

/// One evaluation: the event, the variables of the loops it is in, and the steps it has left.
pub(super) struct Evaluation<'a> {
    event: &'a Value,
    variables: Vec<Val<'a>>,
    left: u32,
}

impl<'a> Evaluation<'a> {
    pub fn of(event: &'a Value) -> Self {
        Self { event, variables: Vec::new(), left: MAX_STEPS }
    }

    /// Takes steps.
    pub fn spend(&mut self, steps: usize) -> Result<(), TooExpensive> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.left.checked_sub(steps));
        self.left = left.ok_or(TooExpensive)?;
        Ok(())
    }

    /// Takes the steps of going through a text.
    pub fn spend_bytes(&mut self, bytes: usize) -> Result<(), TooExpensive> {
        self.spend(bytes / BYTES_OF_A_STEP)
    }

    /// Takes the steps of going through a value, if it is a text.
    pub fn read(&mut self, value: &Val<'a>) -> Result<(), TooExpensive> {
        self.spend_bytes(value.text().map_or(0, str::len))
    }

    /// Whether a part of the expression is true.
    pub fn truth(&mut self, node: &'a Node) -> Result<bool, TooExpensive> {
        Ok(self.value(node)?.is_true())
    }

    /// The value of a part of the expression.
    pub fn value(&mut self, node: &'a Node) -> Result<Val<'a>, TooExpensive> {
        self.spend(1)?;
        Ok(match node {
            Node::Null => Val::Null,
            Node::Bool(truth) => Val::Bool(*truth),
            Node::Int(number) => Val::Int(*number),
            Node::Double(number) => Val::Double(*number),
            Node::Text(text) => Val::Borrowed(text),
            Node::Path(names) => self.path(names),
            Node::Variable(place) => self.variables.get(*place).cloned().unwrap_or(Val::Null),
            Node::Select(of, name) => self.value(of)?.field(name).unwrap_or(Val::Null),
            Node::Has(of, name) => Val::Bool(self.value(of)?.field(name).is_some()),
            Node::Index(parts) => {
                let of = self.value(&parts[0])?;
                of.at(&self.value(&parts[1])?)
            }
            Node::Not(of) => Val::Bool(!self.truth(of)?),
            Node::And(parts) => Val::Bool(self.truth(&parts[0])? && self.truth(&parts[1])?),
            Node::Or(parts) => Val::Bool(self.truth(&parts[0])? || self.truth(&parts[1])?),
            Node::Conditional(parts) => {
                let chosen = if self.truth(&parts[0])? { &parts[1] } else { &parts[2] };
                self.value(chosen)?
            }
            Node::Compare(comparison, parts) => Val::Bool(self.compare(*comparison, parts)?),
            Node::Negate(of) => Self::negated(&self.value(of)?),
            Node::Compute(operator, parts) => {
                let (one, other) = (self.value(&parts[0])?, self.value(&parts[1])?);
                self.compute(*operator, &one, &other)?
            }
            Node::Matches(of, pattern) => {
                let text = self.value(of)?;
                // A regular expression looks at each byte several times.
                self.spend(text.text().map_or(0, str::len))?;
                Val::Bool(text.text().is_some_and(|text| pattern.is_match(text)))
            }
            Node::List(items) => self.list(items)?,
            Node::Map(fields) => self.map(fields)?,
            Node::Call(function, arguments) => {
                let arguments = arguments.iter().map(|it| self.value(it)).collect::<Result<Vec<_>, _>>()?;
                self.call(*function, &arguments)?
            }
            Node::Loop(inner) => self.run(inner)?,
        })
    }

    fn path(&self, names: &'a [Box<str>]) -> Val<'a> {
        let mut at = self.event;
        for name in names {
            match at.get(&**name) {
                Some(field) => at = field,
                None => return Val::Null,
            }
        }
        Val::of(at)
    }

    fn compare(&mut self, comparison: Comparison, parts: &'a [Node; 2]) -> Result<bool, TooExpensive> {
        let (one, other) = (self.value(&parts[0])?, self.value(&parts[1])?);
        match comparison {
            Comparison::Equal => return self.same(&one, &other),
            Comparison::Different => return Ok(!self.same(&one, &other)?),
            Comparison::In => return self.is_in(&one, &other),
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {}
        }
        self.read(&one)?;
        let Some(order) = one.order(&other) else { return Ok(false) };
        Ok(match comparison {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
            Comparison::Equal | Comparison::Different | Comparison::In => false,
        })
    }

    /// Whether something is an element of a list, or the name of a map's field.
    fn is_in(&mut self, one: &Val<'a>, other: &Val<'a>) -> Result<bool, TooExpensive> {
        if matches!(other, Val::Map(_) | Val::MadeMap(_)) {
            return Ok(one.text().is_some_and(|name| other.field(name).is_some()));
        }
        for element in other.elements().into_iter().flatten() {
            if self.same(one, &element)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn list(&mut self, items: &'a [Node]) -> Result<Val<'a>, TooExpensive> {
        let items = items.iter().map(|item| self.value(item)).collect::<Result<Vec<_>, _>>()?;
        Ok(Val::Made(Rc::new(items)))
    }

    /// Of two fields with one name the first counts; a field whose name is no text is left out.
    fn map(&mut self, fields: &'a [(Node, Node)]) -> Result<Val<'a>, TooExpensive> {
        let mut made = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let name = self.value(name)?;
            let value = self.value(value)?;
            if let Some(name) = name.text()
                && made.iter().all(|(own, _): &(Rc<str>, Val<'a>)| **own != *name)
            {
                made.push((name.into(), value));
            }
        }
        Ok(Val::MadeMap(Rc::new(made)))
    }

    /// A loop over what has no elements is false, or null where it would make a list.
    fn run(&mut self, inner: &'a Loop) -> Result<Val<'a>, TooExpensive> {
        let range = self.value(&inner.range)?;
        let Some(elements) = range.elements() else {
            return Ok(if inner.kind == Kind::List { Val::Null } else { Val::Bool(false) });
        };
        let (mut made, mut found) = (Vec::new(), 0_usize);
        for element in elements {
            self.spend(1)?;
            self.variables.push(element.clone());
            let fits = match &inner.condition {
                Some(condition) => self.truth(condition),
                None => Ok(true),
            };
            let value = match (&inner.made, &fits) {
                (Some(node), Ok(true)) => self.value(node),
                _ => Ok(element),
            };
            self.variables.pop();
            let (fits, value) = (fits?, value?);
            match inner.kind {
                Kind::All if !fits => return Ok(Val::Bool(false)),
                Kind::Exists if fits => return Ok(Val::Bool(true)),
                Kind::ExistsOne => found += usize::from(fits),
                Kind::List if fits => made.push(value),
                Kind::All | Kind::Exists | Kind::List => {}
            }
        }
        Ok(match inner.kind {
            Kind::All => Val::Bool(true),
            Kind::Exists => Val::Bool(false),
            Kind::ExistsOne => Val::Bool(found == 1),
            Kind::List => Val::Made(Rc::new(made)),
        })
    }
}
