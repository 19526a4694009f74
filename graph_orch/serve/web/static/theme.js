"use strict";
// Before the first paint: the theme that the viewer chose, if any.
{
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* no storage: as the system has it */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
