//! One language of the pages: its Fluent files, which are parsed and checked at start.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser::{ErrorKind, ParserError};
use unic_langid::{CharacterDirection, LanguageIdentifier};

/// A Fluent file: its path in the repository, whose last part is the language tag and `.ftl`, and its text.
pub type MessageFile = (&'static str, &'static str);

/// Why message files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("{0} is not named after a language tag")]
    Tag(&'static str),
    #[error("{file}, line {line}: the message {message} cannot be read")]
    Syntax {
        file: &'static str,
        line: usize,
        message: String,
        #[source]
        reason: ErrorKind,
    },
    #[error("{file}: the message {message} is not a single text")]
    Shape { file: &'static str, message: String },
    #[error("{file}: the message {message} is defined twice")]
    Twice { file: &'static str, message: String },
    #[error("{file}: the message {message} refers to {reference}, which is not a value")]
    Reference {
        file: &'static str,
        message: String,
        reference: String,
    },
    #[error("{file}: the first language has no message {message} that takes the same values")]
    Astray { file: &'static str, message: String },
    #[error("there is no language")]
    Empty,
    #[error("there are no messages in the language {0}")]
    Unknown(String),
}

/// One language.
pub(crate) struct Language {
    /// The value of `lang`: the name of its files.
    pub(crate) tag: &'static str,
    /// Whether it is written from right to left.
    pub(crate) leftwards: bool,
    bundle: FluentBundle<FluentResource>,
    /// The messages by the name that pages use: `login.title`.
    pub(crate) messages: BTreeMap<String, Message>,
}

/// A parsed message.
#[derive(Debug)]
pub(crate) struct Message {
    file: &'static str,
    /// Its name in Fluent: `login-title`.
    id: String,
    /// The names of its values.
    pub(crate) arguments: BTreeSet<String>,
    /// The text without values, so that the many messages that take none need no formatting.
    pub(crate) text: String,
}

impl Language {
    /// The language that a file is named after, without any message.
    pub(crate) fn of(file: &'static str) -> Result<Self, MessageError> {
        let name = file.rsplit('/').next().and_then(|name| name.strip_suffix(".ftl"));
        let tag = name.ok_or(MessageError::Tag(file))?;
        let id: LanguageIdentifier = tag.parse().map_err(|_| MessageError::Tag(file))?;
        let leftwards = id.character_direction() == CharacterDirection::RTL;
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // In a left-to-right sentence only some values need isolation, which `Argument` adds. In a right-to-left one
        // almost all do.
        bundle.set_use_isolating(leftwards);
        bundle.set_formatter(Some(match tag {
            "tr" => |value, _| grouped(value, "."),
            // The narrow no-break space.
            "fr" => |value, _| grouped(value, "\u{202f}"),
            _ => |value, _| grouped(value, ","),
        }));
        Ok(Self {
            tag,
            leftwards,
            bundle,
            messages: BTreeMap::new(),
        })
    }

    /// Adds the messages of a file. Each is one text with values and selections: attributes, terms, functions and
    /// references to other messages are not supported until a page needs them.
    pub(crate) fn add(&mut self, (file, text): MessageFile) -> Result<(), MessageError> {
        let (resource, faults) = match FluentResource::try_new(text.to_owned()) {
            Ok(resource) => (resource, Vec::new()),
            Err(both) => both,
        };
        if let Some(fault) = faults.into_iter().next() {
            return Err(unreadable(file, text, fault));
        }
        for entry in resource.entries() {
            let Entry::Message(entry) = entry else {
                continue;
            };
            let id = entry.id.name.to_owned();
            let (Some(pattern), true) = (&entry.value, entry.attributes.is_empty()) else {
                return Err(MessageError::Shape { file, message: id });
            };
            let mut arguments = BTreeSet::new();
            if let Err(reference) = collect(pattern, &mut arguments) {
                return Err(MessageError::Reference {
                    file,
                    message: id,
                    reference,
                });
            }
            // Names in Fluent have no dot, and our names have no hyphen.
            let name = id.replace('-', ".");
            let text = String::new();
            let message = Message {
                file,
                id,
                arguments,
                text,
            };
            if let Some(twin) = self.messages.insert(name, message) {
                return Err(MessageError::Twice {
                    file,
                    message: twin.id,
                });
            }
        }
        self.bundle.add_resource_overriding(resource);
        for message in self.messages.values_mut().filter(|message| message.file == file) {
            message.text = format(&self.bundle, &message.id, None, 0);
        }
        Ok(())
    }

    /// Code passes the values of the first language's messages, so this language must use the same ones.
    pub(crate) fn follow(&self, first: &Self) -> Result<(), MessageError> {
        for (name, message) in &self.messages {
            let model = first.messages.get(name);
            if model.is_none_or(|model| !message.arguments.is_subset(&model.arguments)) {
                return Err(MessageError::Astray {
                    file: message.file,
                    message: message.id.clone(),
                });
            }
        }
        Ok(())
    }

    /// Formats a message of this language with values.
    pub(crate) fn fill(&self, message: &Message, values: &FluentArgs<'_>) -> String {
        format(&self.bundle, &message.id, Some(values), message.text.len() + 32)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Language")
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// A whole number in groups of three digits; `None` for any other value, which Fluent writes itself.
fn grouped(value: &FluentValue<'_>, separator: &str) -> Option<String> {
    let FluentValue::Number(number) = value else {
        return None;
    };
    let digits = number.as_string();
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", &*digits), |digits| ("−", digits));
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    (whole && digits.len() > 3).then(|| format!("{sign}{}", group(digits, separator)))
}

/// Digits in groups of three.
fn group(digits: &str, separator: &str) -> String {
    let mut out = String::with_capacity(digits.len() + 4);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

/// Formats a message into a string. A missing value is shown as `{$name}`; a test of each product rules that out.
fn format(
    bundle: &FluentBundle<FluentResource>,
    id: &str,
    values: Option<&FluentArgs<'_>>,
    room: usize,
) -> String {
    let mut text = String::with_capacity(room);
    if let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) {
        let _infallible = bundle.write_pattern(&mut text, pattern, values, &mut Vec::new());
    }
    text
}

/// Collects the names of the values in a text. The error is a reference to anything else.
fn collect(text: &Pattern<&str>, names: &mut BTreeSet<String>) -> Result<(), String> {
    text.elements.iter().try_for_each(|element| match element {
        PatternElement::TextElement { .. } => Ok(()),
        PatternElement::Placeable { expression } => collect_from(expression, names),
    })
}

fn collect_from(expression: &Expression<&str>, names: &mut BTreeSet<String>) -> Result<(), String> {
    let inline = match expression {
        Expression::Inline(inline) => inline,
        Expression::Select { selector, variants } => {
            for variant in variants {
                collect(&variant.value, names)?;
            }
            selector
        }
    };
    match inline {
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => Ok(()),
        InlineExpression::VariableReference { id } => {
            names.insert(id.name.to_owned());
            Ok(())
        }
        InlineExpression::Placeable { expression } => collect_from(expression, names),
        InlineExpression::MessageReference { id, .. }
        | InlineExpression::TermReference { id, .. }
        | InlineExpression::FunctionReference { id, .. } => Err(id.name.to_owned()),
    }
}

/// The first syntax error of a file.
fn unreadable(file: &'static str, text: &str, fault: ParserError) -> MessageError {
    let junk = fault.slice.and_then(|slice| text.get(slice)).unwrap_or_default();
    let message = junk.split(['=', ' ', '\n']).next().unwrap_or_default();
    let before = text.get(..fault.pos.start).unwrap_or(text);
    MessageError::Syntax {
        file,
        line: before.matches('\n').count() + 1,
        message: message.to_owned(),
        reason: fault.kind,
    }
}
