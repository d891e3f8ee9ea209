//! Hostile quote bodies against a served release: each is refused with a named error, and the next quote is priced.

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::answers::{Answer, health, quote, request};
use crate::project::Project;
use crate::requirement::{Requirement, test};

pub(crate) fn trials() -> Vec<Trial> {
    vec![test("hostile::bodies_are_refused_by_name_and_never_a_5xx", &[Requirement::Python], bodies)]
}

/// A quote the service prices.
fn good() -> Value {
    json!({"IDpol": 1, "VehPower": 6, "DrivAge": 42, "Area": "C", "VehBrand": "B2"})
}

/// The good quote with one field as raw JSON text.
fn with(field: &str, raw: &str) -> Vec<u8> {
    let mut text = String::from("{");
    for (name, value) in good().as_object().expect("an object") {
        let value = if name == field { raw.to_owned() } else { value.to_string() };
        text.push_str(&format!("\"{name}\":{value},"));
    }
    text.pop();
    text.push('}');
    text.into_bytes()
}

fn without(field: &str) -> Vec<u8> {
    let mut quote = good();
    quote.as_object_mut().expect("an object").remove(field);
    quote.to_string().into_bytes()
}

fn hostile_bodies() -> Vec<(String, Vec<u8>)> {
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, body: Vec<u8>| cases.push((name.to_owned(), body));
    for (name, body) in [
        ("empty body", ""),
        ("blank body", "   \n"),
        ("null", "null"),
        ("true", "true"),
        ("a number", "1"),
        ("a text", "\"x\""),
        ("an empty object", "{}"),
        ("an empty array", "[]"),
        ("an array of numbers", "[1]"),
        ("an array of null", "[null]"),
        ("an array of arrays", "[[]]"),
        ("an array of texts", "[\"x\"]"),
        ("truncated object", "{\"IDpol\": 1"),
        ("truncated text", "{\"IDpol\": \"1"),
        ("trailing comma", "{\"IDpol\": 1,}"),
        ("single quotes", "{'IDpol': 1}"),
        ("a comment", "{\"IDpol\": 1 /* why */}"),
        ("two documents", "{} {}"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("a byte order mark", "\u{feff}{}"),
        ("XML", "<quote/>"),
        ("a form", "IDpol=1&VehPower=6"),
        ("a bad escape", "{\"IDpol\": \"\\x\"}"),
        ("a lone surrogate", "{\"IDpol\": 1, \"Area\": \"\\ud800\"}"),
        ("a control character", "{\"Area\": \"\u{1}\"}"),
        ("a batch with null between", "[{}, null, {}]"),
    ] {
        add(name, body.as_bytes().to_vec());
    }
    add("invalid UTF-8", b"{\"Area\": \"\xff\xfe\"}".to_vec());
    add("a NUL byte", b"{\"Area\": \"\x00\"}".to_vec());
    add("only NUL bytes", vec![0; 64]);
    add("deep arrays", "[".repeat(20_000).into_bytes());
    add("deep closed arrays", [b"[".repeat(5_000), b"]".repeat(5_000)].concat());
    add("deep objects", [b"{\"a\":".repeat(5_000), b"1".to_vec(), b"}".repeat(5_000)].concat());
    for field in ["IDpol", "VehPower", "DrivAge", "Area", "VehBrand"] {
        add(&format!("{field} missing"), without(field));
        add(&format!("{field} null"), with(field, "null"));
        add(&format!("{field} an object"), with(field, "{}"));
        add(&format!("{field} an array"), with(field, "[1]"));
    }
    for raw in [
        "42.5",
        "\"42\"",
        "true",
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "-Infinity",
        "9223372036854775808",
        "1e999999",
        "0x10",
        "042",
        "--1",
        "1_000",
    ] {
        add(&format!("DrivAge {raw}"), with("DrivAge", raw));
    }
    for raw in ["false", "3.5", "NaN"] {
        add(&format!("Area {raw}"), with("Area", raw));
    }
    add(
        "a field twice",
        b"{\"IDpol\":1,\"IDpol\":2,\"VehPower\":6,\"DrivAge\":42,\"Area\":\"C\",\"VehBrand\":\"B2\"}"
            .to_vec(),
    );
    add(
        "one bad row in a batch",
        format!("[{},{}]", good(), String::from_utf8(without("DrivAge")).expect("text")).into_bytes(),
    );
    add("one text row in a batch", format!("[{},\"x\"]", good()).into_bytes());
    cases
}

fn check(name: &str, answer: &Answer) -> Result<(), String> {
    if !(400..500).contains(&answer.status) {
        return Err(format!("{name}: status {}: {}", answer.status, answer.body));
    }
    let body: Value =
        serde_json::from_str(&answer.body).map_err(|_| format!("{name}: not JSON: {}", answer.body))?;
    let code = body["error_code"].as_str().unwrap_or_default();
    let plain =
        !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !plain || body["error"].as_str().is_none_or(str::is_empty) {
        return Err(format!("{name}: no named error: {}", answer.body));
    }
    for leak in ["Traceback", "site-packages", ".py\"", "polars.exceptions", "/runtime/", ".haute-cli"] {
        if answer.body.contains(leak) {
            return Err(format!("{name}: shows `{leak}`: {}", answer.body));
        }
    }
    Ok(())
}

fn bodies() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    project.deploy();
    let port = project.port;
    let truth = quote(port, &good()).rows();
    let cases = hostile_bodies();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for (name, body) in &cases {
        let answer = request(port, "POST", "/quote", &[("content-type", "application/json")], body);
        wrong.extend(check(name, &answer).err());
    }
    // The field is named where there is one.
    let missing =
        request(port, "POST", "/quote", &[("content-type", "application/json")], &without("DrivAge")).json();
    assert!(missing.to_string().contains("DrivAge"), "{missing}");
    // A body over the limit is refused before it is read to its end.
    let large = format!("[{}]", vec![good().to_string(); 200_000].join(","));
    wrong.extend(
        check(
            "20 MB",
            &request(port, "POST", "/quote", &[("content-type", "application/json")], large.as_bytes()),
        )
        .err(),
    );
    let rows = format!("[{}]", vec![good().to_string(); 10_001].join(","));
    wrong.extend(
        check(
            "10,001 rows",
            &request(port, "POST", "/quote", &[("content-type", "application/json")], rows.as_bytes()),
        )
        .err(),
    );
    wrong.extend(check("GET /quote", &request(port, "GET", "/quote", &[], b"")).err());
    wrong.extend(check("PUT /quote", &request(port, "PUT", "/quote", &[], b"{}")).err());
    wrong.extend(check("an unknown path", &request(port, "GET", "/nothing", &[], b"")).err());
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));

    assert_eq!(quote(port, &good()).rows(), truth, "the same price as before all of it");
    assert_eq!(health(port).json()["status"], "ok");
    let mut extra = good();
    extra["unknown"] = json!("ignored, as Haute does");
    assert_eq!(quote(port, &extra).rows(), truth);
    Ok(())
}
