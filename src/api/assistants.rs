//! Assistants: drafts, versions, publishing.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Asker,
    problem::{FieldError, Problem},
    request::{Body, List, Page, Path, Query, if_match, maybe_time, time, with_etag},
};
use crate::{
    desk::{Applied, Desk, Overview, Published, Scope},
    store,
};

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(apply))
        .routes(routes!(read, save, delete))
        .routes(routes!(check))
        .routes(routes!(publish))
        .routes(routes!(unpublish))
        .routes(routes!(versions))
        .routes(routes!(version))
        .routes(routes!(restore))
}

/// An assistant.
#[derive(Serialize, ToSchema)]
pub(super) struct Assistant {
    /// `as_…`; `file:NAME` for one of the server's file.
    id: String,
    /// Unique.
    name: String,
    /// It stands in the server's file, and can only be changed there.
    read_only: bool,
    /// Goes up with every change; the ETag.
    revision: u64,
    /// The version in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<u32>,
    /// The draft is not what is in force.
    draft_differs: bool,
    /// The numbers that it answers.
    numbers: Vec<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    updated_at: Option<String>,
    /// Its definition: the keys of an `[[assistant]]` table in quietline.toml.
    #[schema(value_type = Object)]
    draft: Value,
}

impl Assistant {
    fn of(one: Overview) -> Self {
        let known = |ms: i64| maybe_time(Some(ms).filter(|ms| *ms > 0));
        Self {
            id: one.id.to_string(),
            name: one.name,
            read_only: one.read_only,
            revision: one.revision,
            published: one.published,
            draft_differs: one.draft_differs,
            numbers: one.numbers,
            created_at: known(one.created_ms),
            updated_at: known(one.updated_ms),
            draft: one.draft,
        }
    }

    fn answer(one: Overview) -> Response {
        with_etag(one.revision, Json(Self::of(one)))
    }
}

/// A definition: the keys of an `[[assistant]]` table in quietline.toml, of which only `name` is needed.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({"name": "front desk", "system_message": "You answer for Acme."}))]
pub(super) struct Definition(Value);

/// A published definition.
#[derive(Serialize, ToSchema)]
pub(super) struct Version {
    /// From 1.
    version: u32,
    /// What was published.
    #[schema(value_type = Object)]
    definition: Value,
    /// What was warned of then.
    warnings: Vec<String>,
    /// Its author's words on it.
    note: String,
    /// Who published it.
    published_by: String,
    /// When.
    #[schema(format = DateTime)]
    published_at: String,
    /// It is this earlier version again.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_from: Option<u32>,
}

impl Version {
    fn of(version: store::Version) -> Self {
        Self {
            version: version.version,
            definition: version.definition,
            warnings: version.warnings,
            note: version.note,
            published_by: version.by,
            published_at: time(version.published_ms),
            restored_from: version.restored_from,
        }
    }
}

/// What publishing would say.
#[derive(Serialize, ToSchema)]
struct Check {
    /// It can be published.
    publishable: bool,
    /// What keeps it from being published.
    errors: Vec<FieldError>,
    /// What works, but perhaps not as it was meant.
    warnings: Vec<String>,
    /// What would happen besides.
    notes: Vec<String>,
}

/// What publishing came to.
#[derive(Serialize, ToSchema)]
struct Publishing {
    /// The version in force.
    version: Version,
    /// What happened besides.
    notes: Vec<String>,
}

impl Publishing {
    fn answer(done: Published) -> Json<Self> {
        Json(Self { version: Version::of(done.version), notes: done.notes })
    }
}

/// What applying came to.
#[derive(Serialize, ToSchema)]
struct Application {
    /// `created`, `changed` or `unchanged`.
    #[schema(example = "changed")]
    outcome: &'static str,
    /// The assistant now.
    assistant: Assistant,
}

/// Words on a version.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Note {
    /// What is new in it.
    #[schema(max_length = 500)]
    note: String,
}

/// Which assistants.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// A part of the name, in any case.
    #[param(max_length = 200)]
    search: Option<String>,
}

/// All assistants: those of the server's file first, then by name.
#[utoipa::path(get, path = "/assistants", tag = "assistants", params(Search, Page), security(("token" = ["assistants:read"])), responses(
    (status = OK, description = "A page.", body = List<Assistant>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(desk): State<Desk>,
    asker: Asker,
    Query(search): Query<Search>,
    Query(page): Query<Page>,
) -> Result<Json<List<Assistant>>, Problem> {
    asker.may(Scope::AssistantsRead)?;
    let found = desk.assistants(search.search.as_deref(), &page.of_store()?).await?;
    Ok(Json(List::of(found, Assistant::of)))
}

/// Make an assistant, as a draft.
#[utoipa::path(post, path = "/assistants", tag = "assistants", request_body = Definition, security(("token" = ["assistants:write"])), responses(
    (status = CREATED, description = "It is there.", body = Assistant, headers(("etag" = String), ("location" = String))),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(desk): State<Desk>,
    asker: Asker,
    Body(Definition(draft)): Body<Definition>,
) -> Result<Response, Problem> {
    let actor = asker.may(Scope::AssistantsWrite)?;
    let made = desk.create_assistant(&actor, &draft).await?;
    let place = [(header::LOCATION, format!("{}/assistants/{}", super::BASE, made.id))];
    Ok((StatusCode::CREATED, place, Assistant::answer(made)).into_response())
}

/// Make the assistant of this name what the definition says: the same again changes nothing.
#[utoipa::path(post, path = "/assistants/apply", tag = "assistants", request_body = Definition, security(("token" = ["assistants:write"])), responses(
    (status = OK, description = "It is so.", body = Application),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn apply(
    State(desk): State<Desk>,
    asker: Asker,
    Body(Definition(draft)): Body<Definition>,
) -> Result<Json<Application>, Problem> {
    let actor = asker.may(Scope::AssistantsWrite)?;
    let (assistant, applied) = desk.apply_assistant(&actor, &draft).await?;
    let outcome = match applied {
        Applied::Created => "created",
        Applied::Changed => "changed",
        Applied::Unchanged => "unchanged",
    };
    Ok(Json(Application { outcome, assistant: Assistant::of(assistant) }))
}

/// One, by id or name.
#[utoipa::path(get, path = "/assistants/{assistant}", tag = "assistants", params(("assistant" = String, Path, description = "Id or name.")), security(("token" = ["assistants:read"])), responses(
    (status = OK, description = "The assistant.", body = Assistant, headers(("etag" = String))),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn read(State(desk): State<Desk>, asker: Asker, Path(which): Path<String>) -> Result<Response, Problem> {
    asker.may(Scope::AssistantsRead)?;
    Ok(Assistant::answer(desk.assistant(&which).await?))
}

/// Replace its draft; what is in force stays.
#[utoipa::path(put, path = "/assistants/{assistant}", tag = "assistants", request_body = Definition,
    params(("assistant" = String, Path, description = "Id or name."), ("if-match" = Option<String>, Header, description = "The ETag that the change is meant for.")),
    security(("token" = ["assistants:write"])), responses(
    (status = OK, description = "The draft is replaced.", body = Assistant, headers(("etag" = String))),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn save(
    State(desk): State<Desk>,
    asker: Asker,
    Path(which): Path<String>,
    headers: HeaderMap,
    Body(Definition(draft)): Body<Definition>,
) -> Result<Response, Problem> {
    let actor = asker.may(Scope::AssistantsWrite)?;
    Ok(Assistant::answer(desk.save_assistant(&actor, &which, if_match(&headers)?, &draft).await?))
}

/// Take it away with its versions. Not while a number is assigned to it.
#[utoipa::path(delete, path = "/assistants/{assistant}", tag = "assistants",
    params(("assistant" = String, Path, description = "Id or name."), ("if-match" = Option<String>, Header, description = "The ETag that the change is meant for.")),
    security(("token" = ["assistants:write"])), responses(
    (status = NO_CONTENT, description = "It is gone."),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn delete(
    State(desk): State<Desk>,
    asker: Asker,
    Path(which): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let actor = asker.may(Scope::AssistantsWrite)?;
    desk.delete_assistant(&actor, &which, if_match(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What publishing the draft would say.
#[utoipa::path(get, path = "/assistants/{assistant}/check", tag = "assistants", params(("assistant" = String, Path, description = "Id or name.")), security(("token" = ["assistants:read"])), responses(
    (status = OK, description = "What would be said.", body = Check),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn check(State(desk): State<Desk>, asker: Asker, Path(which): Path<String>) -> Result<Json<Check>, Problem> {
    asker.may(Scope::AssistantsRead)?;
    let told = desk.check_assistant(&which).await?;
    let errors: Vec<_> = told.errors.into_iter().map(FieldError::of).collect();
    Ok(Json(Check { publishable: errors.is_empty(), errors, warnings: told.warnings, notes: told.notes }))
}

/// Make the draft the version in force. Its farewells are rendered first.
#[utoipa::path(post, path = "/assistants/{assistant}/publish", tag = "assistants", request_body = Note,
    params(("assistant" = String, Path, description = "Id or name."), ("if-match" = Option<String>, Header, description = "The ETag that the change is meant for.")),
    security(("token" = ["assistants:write"])), responses(
    (status = OK, description = "It is in force.", body = Publishing),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn publish(
    State(desk): State<Desk>,
    asker: Asker,
    Path(which): Path<String>,
    headers: HeaderMap,
    Body(note): Body<Note>,
) -> Result<Json<Publishing>, Problem> {
    let actor = asker.may(Scope::AssistantsWrite)?;
    let done = desk.publish_assistant(&actor, &which, if_match(&headers)?, &note.note).await?;
    Ok(Publishing::answer(done))
}

/// Have no version in force: its numbers are busy.
#[utoipa::path(post, path = "/assistants/{assistant}/unpublish", tag = "assistants", params(("assistant" = String, Path, description = "Id or name.")), security(("token" = ["assistants:write"])), responses(
    (status = OK, description = "None is in force.", body = Assistant, headers(("etag" = String))),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn unpublish(State(desk): State<Desk>, asker: Asker, Path(which): Path<String>) -> Result<Response, Problem> {
    let actor = asker.may(Scope::AssistantsWrite)?;
    Ok(Assistant::answer(desk.unpublish_assistant(&actor, &which).await?))
}

/// Its versions, the newest first.
#[utoipa::path(get, path = "/assistants/{assistant}/versions", tag = "assistants", params(("assistant" = String, Path, description = "Id or name."), Page), security(("token" = ["assistants:read"])), responses(
    (status = OK, description = "A page.", body = List<Version>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn versions(
    State(desk): State<Desk>,
    asker: Asker,
    Path(which): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<List<Version>>, Problem> {
    asker.may(Scope::AssistantsRead)?;
    Ok(Json(List::of(desk.versions(&which, &page.of_store()?).await?, Version::of)))
}

/// One version.
#[utoipa::path(get, path = "/assistants/{assistant}/versions/{version}", tag = "assistants", params(("assistant" = String, Path, description = "Id or name."), ("version" = u32, Path, description = "From 1.")), security(("token" = ["assistants:read"])), responses(
    (status = OK, description = "The version.", body = Version),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn version(
    State(desk): State<Desk>,
    asker: Asker,
    Path((which, version)): Path<(String, u32)>,
) -> Result<Json<Version>, Problem> {
    asker.may(Scope::AssistantsRead)?;
    Ok(Json(Version::of(desk.version(&which, version).await?)))
}

/// Have an earlier version in force again, as a new one.
#[utoipa::path(post, path = "/assistants/{assistant}/versions/{version}/restore", tag = "assistants", params(("assistant" = String, Path, description = "Id or name."), ("version" = u32, Path, description = "From 1.")), security(("token" = ["assistants:write"])), responses(
    (status = OK, description = "It is in force.", body = Publishing),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn restore(
    State(desk): State<Desk>,
    asker: Asker,
    Path((which, version)): Path<(String, u32)>,
) -> Result<Json<Publishing>, Problem> {
    let actor = asker.may(Scope::AssistantsWrite)?;
    Ok(Publishing::answer(desk.restore_assistant(&actor, &which, version).await?))
}
