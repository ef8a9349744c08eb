// Runs before the page is painted, so that a dark page never flashes white. Kept apart from app.js for that reason.
(function () {
  const root = document.documentElement;
  root.classList.add("js");
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // Storage may be switched off: follow the system.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => root.setAttribute("data-bs-theme", chosen || (dark.matches ? "dark" : "light"));
  apply();
  dark.addEventListener("change", apply);
})();
