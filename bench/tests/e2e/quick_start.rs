//! The quick start of the product that this one re-imagines, word for word.

use crate::support::{assert_same, binary, scratch};
use hamster_bench::cluster::{Node, root, run};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

#[test]
fn it_works_word_for_word() {
    let mut node = Node::new(&binary(), scratch(), 1);
    // Only when somebody else has the default ports is anything added to the words.
    let taken = [9000, 7946].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let taken = taken.iter().any(|address| TcpListener::bind(address).is_err());
    let extra = |flag: &str, address: SocketAddr| match taken {
        true => vec![flag.to_owned(), address.to_string()],
        false => Vec::new(),
    };
    let (s3, listen) = (node.s3, node.listen);
    let words = |words: &[&str], extra: Vec<String>| {
        let mut command = Command::new(binary());
        command.args(words).args(extra).current_dir(node.home());
        command.env("HAMSTER_ACCESS_KEY_ID", root().access_key);
        command.env("HAMSTER_SECRET_ACCESS_KEY", root().secret_key);
        command
    };
    let mut init = words(&["init", "-data-dir", "./data"], extra("-listen", listen));
    run(&mut init, Duration::from_secs(60)).assert_ok();
    let mut serve = words(&["serve", "-data-dir", "./data"], extra("-listen", listen));
    serve.args(extra("-s3", s3));
    if !taken {
        node.s3 = SocketAddr::from(([127, 0, 0, 1], 9000));
    }
    node.start_with(serve);
    let mut client = node.client();
    client.create_bucket("first").expect("the bucket is made");
    assert_eq!(client.put("first", "hello.txt", b"hello").expect("an answer").status, 200);
    let answer = client.get("first", "hello.txt").expect("an answer");
    assert_same(&answer.body, b"hello", "hello.txt");
    node.stop();
}
