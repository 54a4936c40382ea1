//! Packs the catalogue's text into tables that need no loading at run time.
//!
//! Everything is little-endian `u32`: a string is its offset in `strings` and its length, a list its offset in
//! `lists` (length, then numbers), a table a run of rows. Names are sorted by their lower case.
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

type Fail = Box<dyn std::error::Error>;

/// Bits of a string's number that say how long it is; as in `src/catalogue.rs`.
const LENGTH_BITS: u32 = 9;

#[derive(Default)]
struct Packer {
    strings: String,
    known_strings: HashMap<String, u32>,
    lists: Vec<u32>,
    known_lists: HashMap<Vec<u32>, u32>,
}

impl Packer {
    fn string(&mut self, text: &str) -> Result<u32, Fail> {
        if let Some(at) = self.known_strings.get(text) {
            return Ok(*at);
        }
        let (from, length) = (u32::try_from(self.strings.len())?, u32::try_from(text.len())?);
        if from >= 1 << (32 - LENGTH_BITS) || length >= 1 << LENGTH_BITS {
            return Err(format!("`{text}` is too long, or there are too many strings").into());
        }
        let at = from << LENGTH_BITS | length;
        self.strings.push_str(text);
        self.known_strings.insert(text.to_owned(), at);
        Ok(at)
    }

    fn list(&mut self, items: Vec<u32>) -> Result<u32, Fail> {
        if let Some(at) = self.known_lists.get(&items) {
            return Ok(*at);
        }
        let at = u32::try_from(self.lists.len())?;
        self.lists.push(u32::try_from(items.len())?);
        self.lists.extend(&items);
        self.known_lists.insert(items, at);
        Ok(at)
    }
}

fn main() -> Result<(), Fail> {
    let from = Path::new("catalogue");
    println!("cargo::rerun-if-changed=catalogue");
    let read = |name: &str| -> Result<Vec<Vec<String>>, Fail> {
        let text = std::fs::read_to_string(from.join(name)).map_err(|e| format!("cannot read `{name}`: {e}"))?;
        let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
        Ok(lines.map(|l| l.split('\t').map(str::to_owned).collect()).collect())
    };
    let mut packer = Packer::default();
    let keys = ids(read("keys.txt")?);
    let resources = ids(read("resources.txt")?);
    let actions = ids(read("actions.txt")?);
    let out = std::env::var("OUT_DIR")?;
    let write = |name: &str, rows: &[u32]| -> Result<(), Fail> {
        let bytes: Vec<u8> = rows.iter().flat_map(|n| n.to_le_bytes()).collect();
        Ok(std::fs::write(Path::new(&out).join(name), bytes)?)
    };
    write("keys.bin", &key_rows(&mut packer, &keys)?)?;
    write("resources.bin", &resource_rows(&mut packer, &resources, &keys)?)?;
    let services = ids(read("services.txt")?);
    write("actions.bin", &action_rows(&mut packer, &actions, &services, &resources, &keys)?)?;
    write("services.bin", &service_rows(&mut packer, &services, &actions, &resources)?)?;
    let mut gone: Vec<String> = read("retired.txt")?.concat();
    gone.extend(read("unlisted.txt")?.concat());
    gone.sort_by_key(|n| n.to_ascii_lowercase());
    gone.dedup();
    write("retired.bin", &gone.iter().map(|n| packer.string(n)).collect::<Result<Vec<_>, _>>()?)?;
    write("lists.bin", &packer.lists)?;
    std::fs::write(Path::new(&out).join("strings.txt"), &packer.strings)?;
    let date = read("date.txt")?.concat().concat();
    println!("cargo::rustc-env=CATALOGUE_DATE={date}");
    Ok(())
}

/// Rows by lower-cased first column, with their number in that order.
type Rows = BTreeMap<String, (u32, Vec<String>)>;

fn ids(lines: Vec<Vec<String>>) -> Rows {
    let mut rows: Rows = lines.into_iter().map(|row| (sort_key(&row[0]), (0, row))).collect();
    for (number, row) in (0u32..).zip(rows.values_mut()) {
        row.0 = number;
    }
    rows
}

/// Sorts by service first: the colon before every other character.
fn sort_key(name: &str) -> String {
    name.to_ascii_lowercase().replacen(':', "\u{1}", 1)
}

fn column(row: &[String], index: usize) -> &str {
    row.get(index).map_or("", String::as_str)
}

fn list_of(packer: &mut Packer, words: &str, table: &Rows, prefix: &str) -> Result<u32, Fail> {
    let mut items = Vec::new();
    for word in words.split(' ').filter(|w| !w.is_empty()) {
        let (word, flag) = word.strip_suffix('!').map_or((word, 0), |w| (w, 1u32 << 31));
        if let Some((number, _)) = table.get(&sort_key(&format!("{prefix}{word}"))) {
            items.push(number | flag);
        }
    }
    packer.list(items)
}

fn key_rows(packer: &mut Packer, keys: &Rows) -> Result<Vec<u32>, Fail> {
    let mut rows = Vec::new();
    for (_, row) in keys.values() {
        rows.push(packer.string(column(row, 0))?);
        rows.push(packer.string(column(row, 1))?);
        rows.push(u32::from(column(row, 2) == "global"));
    }
    Ok(rows)
}

fn resource_rows(packer: &mut Packer, resources: &Rows, keys: &Rows) -> Result<Vec<u32>, Fail> {
    let mut rows = Vec::new();
    for (_, row) in resources.values() {
        let name = column(row, 0).split_once(':').map_or("", |(_, name)| name);
        rows.push(packer.string(name)?);
        rows.push(packer.string(column(row, 1))?);
        rows.push(list_of(packer, column(row, 2), keys, "")?);
        rows.push(packer.string(&any_of(column(row, 1)))?);
    }
    Ok(rows)
}

/// The pattern of all ARNs of a format: `*` for every placeholder.
fn any_of(format: &str) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        out.push('*');
        rest = after.split_once('}').map_or("", |(_, tail)| tail);
    }
    out + rest
}

fn action_rows(
    packer: &mut Packer,
    actions: &Rows,
    services: &Rows,
    resources: &Rows,
    keys: &Rows,
) -> Result<Vec<u32>, Fail> {
    let levels = ["list", "read", "tagging", "write", "permissions"];
    let mut rows = Vec::new();
    for (_, row) in actions.values() {
        let (service, name) = column(row, 0).split_once(':').ok_or("an action without a service")?;
        let level = levels.iter().position(|l| *l == column(row, 1)).ok_or("an unknown access level")?;
        rows.push(packer.string(name)?);
        rows.push(u32::try_from(level)?);
        rows.push(list_of(packer, column(row, 2), resources, &format!("{service}:"))?);
        rows.push(list_of(packer, column(row, 3), keys, "")?);
        rows.push(list_of(packer, column(row, 4), actions, "")?);
        rows.push(services.get(&sort_key(service)).ok_or("an action of an unknown service")?.0);
    }
    Ok(rows)
}

fn service_rows(packer: &mut Packer, services: &Rows, actions: &Rows, resources: &Rows) -> Result<Vec<u32>, Fail> {
    let range = |table: &Rows, prefix: &str| {
        let mut rows = table.range(format!("{prefix}\u{1}")..format!("{prefix}\u{2}")).map(|(_, row)| row.0);
        let first = rows.next();
        let last = rows.next_back().or(first);
        [first.unwrap_or(0), last.map_or(0, |n| n + 1)]
    };
    let mut rows = Vec::new();
    for (prefix, (_, row)) in services {
        rows.push(packer.string(column(row, 0))?);
        rows.push(packer.string(column(row, 1))?);
        rows.extend(range(actions, prefix));
        rows.extend(range(resources, prefix));
        rows.push(u32::from(column(row, 2) == "rcp"));
    }
    Ok(rows)
}
