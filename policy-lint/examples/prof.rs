//! x
#![allow(missing_docs, clippy::all, clippy::print_stdout, clippy::unwrap_used)]
use policy_lint::rule::{Check, Out};
use std::time::Instant;
fn main() {
    let mut total = std::collections::BTreeMap::new();
    let mut parse = 0.0;
    for e in std::fs::read_dir(std::env::args().nth(1).unwrap()).unwrap() {
        let p = e.unwrap().path();
        let f = policy_lint::source::read(&p).unwrap();
        let t = Instant::now();
        let o = policy_lint::parse::raw::read(f, None, false);
        parse += t.elapsed().as_secs_f64();
        let policy_lint::parse::raw::Outcome::Read(project) = o else { continue };
        for r in policy_lint::rules::ALL {
            let t = Instant::now();
            let mut v = Vec::new();
            match r.check {
                Check::Policy(c) => {
                    for p in &project.policies {
                        c(p, &mut Out::new(r, Some(p), &mut v))
                    }
                }
                Check::Project(c) => c(&project, &mut Out::new(r, None, &mut v)),
                _ => {}
            }
            *total.entry(r.name).or_insert(0.0) += t.elapsed().as_secs_f64();
        }
    }
    println!("parse {parse:.4}");
    let mut v: Vec<_> = total.into_iter().collect();
    v.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap());
    for (n, t) in v.iter().take(16) {
        println!("{n} {t:.4}");
    }
}
