-- A number's calls that one assistant of several has taken.
CREATE INDEX calls_by_number_assistant ON calls (number, assistant, began_ms);
-- Callers who hide their number are one caller here, with many calls.
CREATE INDEX calls_by_caller_reason ON calls (caller, reason, began_ms);
