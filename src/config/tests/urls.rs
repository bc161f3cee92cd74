//! The public address.

use super::*;

#[test]
fn addresses_are_kept_as_written_without_the_last_slash() {
    for (text, https, wss) in [
        ("https://voice.example.com", "https://voice.example.com/a", "wss://voice.example.com/a"),
        ("https://voice.example.com/", "https://voice.example.com/a", "wss://voice.example.com/a"),
        (
            "https://Voice.Example.com:8443/phone/x/",
            "https://Voice.Example.com:8443/phone/x/a",
            "wss://Voice.Example.com:8443/phone/x/a",
        ),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/a", "wss://127.0.0.1:8080/a"),
        ("http://localhost/p", "http://localhost/p/a", "wss://localhost/p/a"),
        ("http://[::1]:1", "http://[::1]:1/a", "wss://[::1]:1/a"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]/a", "wss://[2001:db8::1]/a"),
        ("https://10.0.0.1", "https://10.0.0.1/a", "wss://10.0.0.1/a"),
    ] {
        let url: PublicUrl = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((url.https_url("/a").as_str(), url.wss_url("/a").as_str()), (https, wss));
        assert_eq!(url.to_string(), text.trim_end_matches('/'));
        assert_eq!(url.to_string().parse(), Ok(url));
    }
    let url: PublicUrl = "https://a.example/b/c".parse().unwrap();
    assert_eq!(url.prefix(), "/b/c");
}

#[test]
fn what_is_no_public_address_is_refused_with_the_reason() {
    for (text, why) in [
        ("", NotAPublicUrl::Scheme),
        ("voice.example.com", NotAPublicUrl::Scheme),
        ("ftp://voice.example.com", NotAPublicUrl::Scheme),
        ("wss://voice.example.com", NotAPublicUrl::Scheme),
        ("HTTPS://voice.example.com", NotAPublicUrl::Scheme),
        ("http://voice.example.com", NotAPublicUrl::PlainHttp),
        ("http://localhost.example.com", NotAPublicUrl::PlainHttp),
        ("http://192.168.1.5", NotAPublicUrl::PlainHttp),
        ("https://user@a.example", NotAPublicUrl::UserInfo),
        ("https://user:pass@a.example/x", NotAPublicUrl::UserInfo),
        ("https://a.example/x?y=1", NotAPublicUrl::Query),
        ("https://a.example#x", NotAPublicUrl::Query),
        ("https://", NotAPublicUrl::Scheme),
        ("https:///x", NotAPublicUrl::Host),
        ("https://a b.example", NotAPublicUrl::Host),
        ("https://ä.example", NotAPublicUrl::Host),
        ("https://a..example", NotAPublicUrl::Host),
        ("https://-a.example", NotAPublicUrl::Host),
        ("https://[::1", NotAPublicUrl::Host),
        ("https://[::1]x", NotAPublicUrl::Host),
        ("https://1.2.3", NotAPublicUrl::Host),
        ("https://a.example:", NotAPublicUrl::Port),
        ("https://a.example:0", NotAPublicUrl::Port),
        ("https://a.example:65536", NotAPublicUrl::Port),
        ("https://a.example:+1", NotAPublicUrl::Port),
        ("https://a.example/x//y", NotAPublicUrl::Path),
        ("https://a.example/../y", NotAPublicUrl::Path),
        ("https://a.example/\"", NotAPublicUrl::Path),
        ("https://a.example//", NotAPublicUrl::Path),
    ] {
        assert_eq!(text.parse::<PublicUrl>(), Err(why), "{text}");
    }
    let long = format!("https://a.example/{}", "x".repeat(500));
    assert_eq!(long.parse::<PublicUrl>(), Err(NotAPublicUrl::Long));
}

#[test]
fn a_local_server_is_reached_where_it_listens() {
    for (listen, url) in [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.2:1", "http://127.0.0.2:1"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("192.168.1.5:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://[::1]:80"),
    ] {
        let local = PublicUrl::local(listen.parse().unwrap());
        assert_eq!(local.as_str(), url);
        assert_eq!(url.parse(), Ok(local));
    }
}
