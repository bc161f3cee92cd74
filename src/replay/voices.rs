use crate::{
    assistant::FarewellKind,
    call::AnnouncementKind,
    lab::World,
    mix::{Announcement, AnnouncementError},
    tts,
};

/// Gives the session of a world the built-in recordings of all farewells, the filler and the reminder.
///
/// # Errors
/// Never for the recordings in the crate; whoever replaces them learns here that one cannot be used.
pub fn give_builtin_voices(world: &mut World) -> Result<(), AnnouncementError> {
    for kind in FarewellKind::ALL {
        let announcement = Announcement::from_mulaw(tts::builtin_farewell(kind))?;
        world.render(AnnouncementKind::Farewell(kind), announcement);
    }
    world.render(AnnouncementKind::Filler, Announcement::from_mulaw(tts::builtin_filler())?);
    world.render(AnnouncementKind::Reminder, Announcement::from_mulaw(tts::builtin_reminder())?);
    Ok(())
}
