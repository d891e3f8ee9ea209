mod cursor;
mod history;
mod script;
mod scripted;
mod texts;
mod world;
