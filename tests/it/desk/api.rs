//! Tokens, conditions, sessions, and what is refused.

use quietline::wire::Method::{Delete, Get, Post, Put};
use serde_json::{Value, json};

use super::room::{Server, place};

fn draft(name: &str) -> Value {
    json!({"name": name, "channels": ["text"]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_allows_what_its_scopes_say_until_it_is_revoked() {
    let (folder, addr, _reserved) = place();
    let server = Server::start(&folder, addr, "").await;
    let new = json!({"name": "reader", "scopes": ["assistants:read"]});
    let made = server.done(Post, "/tokens", Some(&new)).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(!server.done(Get, "/tokens", None).await.to_string().contains(&secret));
    assert!(
        !std::fs::read(folder.join("quietline.db-wal"))
            .unwrap()
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
    );
    let as_reader =
        async |method, path: &str, body: Option<&Value>| server.ask_as(&secret, method, path, body, &[]).await.0;
    assert_eq!(as_reader(Get, "/assistants", None).await, 200);
    assert_eq!(as_reader(Post, "/assistants", Some(&draft("a"))).await, 403);
    assert_eq!(as_reader(Get, "/tokens", None).await, 403);
    assert_eq!(server.ask(Post, "/tokens", Some(&new)).await.0, 409, "the name is in use");
    server.done(Delete, "/tokens/reader", None).await;
    assert_eq!(as_reader(Get, "/assistants", None).await, 401);
    assert_eq!(server.ask_as("nonsense", Get, "/assistants", None, &[]).await.0, 401);
    let audit = server.done(Get, "/audit", None).await;
    let actions: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["token.revoke", "token.create"]);
    server.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_slower_is_told_and_nothing_is_lost() {
    let (folder, addr, _reserved) = place();
    let server = Server::start(&folder, addr, "").await;
    let token = server.own_token().to_owned();
    server.done(Post, "/assistants", Some(&draft("a"))).await;
    let save = async |revision: &str, language: &str| {
        let body = json!({"name": "a", "channels": ["text"], "language": language});
        server.ask_as(&token, Put, "/assistants/a", Some(&body), &[("if-match", revision)]).await
    };
    assert_eq!(save("\"1\"", "de").await.0, 200);
    let (status, told) = save("\"1\"", "fr").await;
    assert_eq!((status, told["type"].as_str()), (412, Some("urn:quietline:problem:stale")));
    assert_eq!(server.done(Get, "/assistants/a", None).await["draft"]["language"], "de");
    assert_eq!(save("\"x\"", "fr").await.0, 400);
    assert_eq!(server.ask(Post, "/assistants", Some(&draft("A"))).await.0, 409, "names differ in more than case");
    // Applying the same again changes nothing.
    let apply = async |language: &str| {
        let body = json!({"name": "a", "channels": ["text"], "language": language});
        server.done(Post, "/assistants/apply", Some(&body)).await["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!([apply("fr").await, apply("fr").await], ["changed", "unchanged"]);
    // Published, restored, taken away.
    server.done(Post, "/assistants/a/publish", Some(&json!({}))).await;
    apply("it").await;
    server.done(Post, "/assistants/a/publish", Some(&json!({}))).await;
    let restored = server.done(Post, "/assistants/a/versions/1/restore", None).await;
    assert_eq!(
        (restored["version"]["version"].as_u64(), restored["version"]["restored_from"].as_u64()),
        (Some(3), Some(1))
    );
    assert_eq!(server.done(Get, "/assistants/a", None).await["draft"]["language"], "fr");
    server.done(Delete, "/assistants/a", None).await;
    assert_eq!(server.ask(Get, "/assistants/a", None).await.0, 404);
    server.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_told_by_field_and_nothing_breaks() {
    let (folder, addr, _reserved) = place();
    let server = Server::start(&folder, addr, "").await;
    let token = server.own_token().to_owned();
    for (method, path, body, status) in [
        (Post, "/assistants", Some(json!([])), 422),
        (Post, "/assistants", Some(json!({"name": "a\u{0}b"})), 422),
        (Get, "/assistants?limit=0", None, 422),
        (Get, "/assistants?after=nonsense", None, 422),
        (Get, "/calls?from=yesterday", None, 422),
        (Get, "/calls/CA0", None, 404),
        (Post, "/calls/CA0/end", None, 404),
        (Get, "/assistants/x/versions/y", None, 404),
        (Get, "/nothing", None, 404),
        (Delete, "/assistants", None, 405),
        (Get, "/numbers/available?country=USA", None, 422),
        (Delete, "/assistants/demo", None, 409),
        (Post, "/tokens", Some(json!({"name": "x", "scopes": ["everything"]})), 422),
    ] {
        let (found, answer) = server.ask(method, path, body.as_ref()).await;
        assert_eq!(found, status, "{method:?} {path}: {answer}");
        assert_eq!(answer["status"], status, "{method:?} {path}: {answer}");
    }
    let (status, _) = server.ask_as(&token, Post, "/assistants", None, &[("content-type", "text/plain")]).await;
    assert_eq!(status, 415);
    let described = server.done(Get, "/openapi.json", None).await;
    assert_eq!(described["openapi"], "3.1.0");
    assert!(described["paths"].as_object().unwrap().len() >= 15);
    server.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
