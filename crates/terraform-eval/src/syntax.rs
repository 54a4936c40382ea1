//! Terraform files as blocks and attributes, the same for HCL and its JSON form.
use std::borrow::Cow;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure;
use source_text::{Data, Span, Value, json};

/// An expression that has not been evaluated.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// HCL.
    Hcl(Box<Expression>),
    /// JSON, whose texts are templates.
    Json(Value),
}

/// `name = expression`.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    /// The name.
    pub(crate) name: String,
    /// The span of the name.
    pub(crate) key_span: Span,
    /// The expression.
    pub(crate) source: Source,
}

/// A block: its type, labels and body.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Its type, as `resource`.
    pub(crate) word: String,
    /// Its labels, as `aws_s3_bucket`, `raw`.
    pub(crate) labels: Vec<String>,
    /// Its body.
    pub(crate) body: Body,
    /// The span of its type and labels.
    pub(crate) head: Span,
}

impl Block {
    /// The type of the blocks that it produces: of a `dynamic` block its label.
    fn produces(&self) -> &str {
        if self.word == "dynamic" { self.labels.first().map_or("", String::as_str) } else { &self.word }
    }
}

/// Attributes and blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    /// The attributes.
    pub(crate) attributes: Vec<Attribute>,
    /// The blocks.
    pub(crate) blocks: Vec<Block>,
    /// Its span.
    pub(crate) span: Span,
}

impl Body {
    /// The attribute with a name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name == name)
    }

    /// Replaces attributes, and all blocks of a type by the new blocks of that type.
    pub(crate) fn change(&mut self, by: Body) {
        let attributes = by.attributes.iter().map(|a| a.name.as_str());
        let words: Vec<&str> = by.blocks.iter().map(Block::produces).chain(attributes).collect();
        self.attributes.retain(|a| !words.contains(&a.name.as_str()));
        self.blocks.retain(|b| !words.contains(&b.produces()));
        self.attributes.extend(by.attributes);
        self.blocks.extend(by.blocks);
    }
}

/// Why a file is not Terraform.
#[derive(Debug)]
pub(crate) struct Malformed {
    /// Where the file is not Terraform.
    pub(crate) span: Span,
    /// What is wrong.
    pub(crate) reason: String,
}

/// Parses HCL as Terraform does, which allows a repeated key in an object and keeps the last value. The parser does not.
/// A repeated key is parsed under another name of the same length, unless `rejects` is true for it.
fn tolerant(text: &str, rejects: fn(&str) -> bool) -> Result<structure::Body, hcl_edit::parser::Error> {
    const NAMES: &[u8] = b"_zyxwvutsrqponmlkjihgfedcba";
    let mut changed = text.as_bytes().to_vec();
    for attempt in 0..256 {
        let now = std::str::from_utf8(&changed).unwrap_or(text);
        let error = match hcl_edit::parser::parse_body(now) {
            Err(error) if error.message().contains("redefined object key") => error,
            other => return other,
        };
        let offset = error.location().offset();
        let at = if changed.get(offset) == Some(&b'"') { offset + 1 } else { offset };
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':' | b'/' | b'.');
        let name: Vec<u8> = text.as_bytes().iter().skip(at).copied().take_while(is_name).collect();
        if name.is_empty() || rejects(&String::from_utf8_lossy(&name)) {
            return Err(error);
        }
        changed[at] = NAMES[attempt % NAMES.len()];
    }
    hcl_edit::parser::parse_body(text)
}

/// Parses the text of the file with the number `file`; `rejects` is [`crate::Provider::rejects_duplicate_key`].
pub(crate) fn parse(text: &str, file: u32, is_json: bool, rejects: fn(&str) -> bool) -> Result<Body, Malformed> {
    if is_json {
        let location = |start: usize, end: usize| Span::new(file, start, end);
        let value =
            json::parse(text, &location).map_err(|e| Malformed { span: location(e.start, e.end), reason: e.reason })?;
        return Ok(json_body(&value));
    }
    // A byte order mark is replaced by three spaces, so that offsets stay.
    let plain = text.strip_prefix('\u{feff}').map_or(Cow::Borrowed(text), |rest| format!("   {rest}").into());
    match tolerant(&plain, rejects) {
        Ok(body) => Ok(convert(body, file, text.len())),
        Err(e) => {
            let at = e.location().offset().min(text.len());
            let span = Span::new(file, at, (at + 1).min(text.len()));
            Err(Malformed { span, reason: format!("it is not valid HCL: {}", e.message()) })
        }
    }
}

fn range(file: u32, range: Option<std::ops::Range<usize>>) -> Span {
    range.map_or(Span { file, start: 0, end: 0 }, |r| Span::new(file, r.start, r.end))
}

fn convert(body: structure::Body, file: u32, end: usize) -> Body {
    let mut converted =
        Body { span: body.span().map_or(Span::new(file, 0, end), |r| range(file, Some(r))), ..Body::default() };
    for structure in body {
        match structure {
            structure::Structure::Attribute(a) => converted.attributes.push(Attribute {
                name: a.key.value().to_string(),
                key_span: range(file, a.key.span()),
                source: Source::Hcl(Box::new(a.value)),
            }),
            structure::Structure::Block(b) => converted.blocks.push(block(b, file)),
        }
    }
    converted
}

fn block(block: structure::Block, file: u32) -> Block {
    let word_span = range(file, block.ident.span());
    let last = block.labels.last().and_then(|l| l.span()).map_or(word_span.end, |r| range(file, Some(r)).end);
    let whole = range(file, block.span());
    let mut body = convert(block.body, file, whole.end as usize);
    body.span = Span { start: word_span.start.max(whole.start), ..whole };
    Block {
        word: block.ident.value().to_string(),
        labels: block.labels.iter().map(|l| l.as_str().to_owned()).collect(),
        body,
        head: Span { file, start: word_span.start, end: last.max(word_span.end) },
    }
}

/// Types of blocks and the number of their labels.
const LABELLED: &[(&str, usize)] = &[
    ("resource", 2),
    ("data", 2),
    ("module", 1),
    ("variable", 1),
    ("output", 1),
    ("provider", 1),
    ("locals", 0),
    ("terraform", 0),
];

fn json_body(value: &Value) -> Body {
    let mut body = Body { span: value.span, ..Body::default() };
    for member in value.members() {
        match LABELLED.iter().find(|(word, _)| *word == member.key.raw()) {
            Some((word, labels)) => {
                json_blocks(word, *labels, Vec::new(), member.key_span, &member.value, &mut body.blocks)
            }
            None => body.attributes.push(Attribute {
                name: member.key.raw().to_owned(),
                key_span: member.key_span,
                source: Source::Json(member.value.clone()),
            }),
        }
    }
    body
}

fn json_blocks(word: &str, missing: usize, labels: Vec<String>, head: Span, value: &Value, found: &mut Vec<Block>) {
    if let Data::Array(list) = &value.data {
        list.iter().for_each(|v| json_blocks(word, missing, labels.clone(), head, v, found));
    } else if missing > 0 {
        for member in value.members() {
            let mut labels = labels.clone();
            labels.push(member.key.raw().to_owned());
            json_blocks(word, missing - 1, labels, member.key_span, &member.value, found);
        }
    } else {
        found.push(Block { word: word.to_owned(), labels, body: json_content(value), head });
    }
}

/// The body of a block: attributes and `dynamic` blocks.
fn json_content(value: &Value) -> Body {
    let mut body = Body { span: value.span, ..Body::default() };
    for member in value.members() {
        if member.key.raw() == "dynamic" {
            json_blocks("dynamic", 1, Vec::new(), member.key_span, &member.value, &mut body.blocks);
            body.blocks.iter_mut().filter(|b| b.word == "dynamic").for_each(with_content);
        } else {
            body.attributes.push(Attribute {
                name: member.key.raw().to_owned(),
                key_span: member.key_span,
                source: Source::Json(member.value.clone()),
            });
        }
    }
    body
}

/// Turns the `content` of a `dynamic` block into a block, as in HCL.
fn with_content(block: &mut Block) {
    let Some(at) = block.body.attributes.iter().position(|a| a.name == "content") else { return };
    let content = block.body.attributes.swap_remove(at);
    if let Source::Json(value) = content.source {
        json_blocks("content", 0, Vec::new(), content.key_span, &value, &mut block.body.blocks);
    }
}
