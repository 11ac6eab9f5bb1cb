// Ends with the stack trace named by its argument.
use std::fmt;

#[derive(Debug)]
struct Refused {
    tries: u32,
}
impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "refused after {}", self.tries)
    }
}
impl std::error::Error for Refused {}

fn deep(depth: u32) -> Result<u32, Refused> {
    if depth == 0 { Err(Refused { tries: 3 }) } else { deep(depth - 1) }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("uncaught") => panic!("at the bottom"),
        Some("unwrap") => { deep(2).unwrap(); }
        Some("expect") => { deep(2).expect("no answer"); }
        Some("message") => panic!("first line\nsecond line\n\nafter a blank line"),
        Some("index") => { let list = vec![1, 2]; let at = std::env::args().count() + 5; println!("{}", list[at]); }
        Some("assert") => assert_eq!(1 + std::env::args().count(), 2, "counting {}", "args"),
        Some("thread") => { let _ = std::thread::Builder::new().name("worker".into()).spawn(|| panic!("in a thread")).unwrap().join(); }
        Some("returned") => { deep(1)?; }
        Some("double") => { struct Late; impl Drop for Late { fn drop(&mut self) { panic!("in drop") } } let _late = Late; panic!("first"); }
        Some("overflow") => { fn again(n: u64) -> u64 { if n == u64::MAX { 0 } else { again(n + 1) + 1 } } println!("{}", again(0)); }
        _ => {}
    }
    Ok(())
}
