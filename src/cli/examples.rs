//! The integrations that ship: inside the binary, deployed by `serve --examples`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use scripts::{Example, examples};
use workers::Services;

use super::folder::{self, Folder};
use super::local::{self, Deployed};
use super::{Failure, terminal};
use crate::echo;

/// The examples, talking to the echo server at `echo`.
pub fn all(echo: SocketAddr) -> Result<Vec<Folder>, Failure> {
    examples().iter().map(|example| read(example, &echo.to_string())).collect()
}

fn read(example: &Example, echo: &str) -> Result<Folder, Failure> {
    let own = [(folder::MANIFEST, example.settings), (folder::SAMPLE, example.sample)];
    let files = own.iter().chain(example.files);
    let texts: BTreeMap<String, String> =
        files.map(|(name, text)| ((*name).to_owned(), text.replace(echo::USUAL_ADDRESS, echo))).collect();
    folder::assemble(example.name, &texts)
}

/// Deploys the examples that are not there. One that is there is left alone: somebody may have changed it.
pub async fn deploy(services: &Services, echo: SocketAddr) -> Result<(), Failure> {
    for example in all(echo)? {
        let released = services.directory.by_name(&example.name).is_some_and(|entry| entry.latest.is_some());
        if released {
            continue;
        }
        if let Deployed::Released(number) = local::deploy(services, &example).await? {
            terminal::say(&format!("deployed the example {} {number}", terminal::bold(&example.name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use workers::authoring::Submission;

    use super::*;

    #[test]
    fn every_example_is_a_valid_integration_and_finds_the_echo_server() {
        let address = "127.0.0.1:5555".parse().unwrap();
        let examples = all(address).unwrap();
        let names: Vec<&str> = examples.iter().map(|example| example.name.as_str()).collect();
        for name in ["order-alert", "reminder-email"] {
            assert!(names.contains(&name), "no {name} among {names:?}");
        }
        for example in &examples {
            Submission::parse(example.body.clone()).unwrap_or_else(|error| panic!("{}: {error}", example.name));
            let text = example.body.to_string();
            assert!(!text.contains(echo::USUAL_ADDRESS) && text.contains("127.0.0.1:5555"), "{}", example.name);
        }
    }
}
