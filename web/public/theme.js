// Runs before the first paint, so that a light or night screen never flashes dark. The rules are those of src/design/theme.ts.
(function () {
  var choice = "auto";
  try {
    choice = localStorage.getItem("vitalwire.theme") || "auto";
  } catch (_) {
    // storage can be forbidden: the default holds
  }
  var hour = new Date().getHours();
  var night = choice === "night" || (choice === "auto" && (hour >= 22 || hour < 6));
  document.documentElement.dataset.theme = choice === "light" ? "light" : "dark";
  if (night) document.documentElement.dataset.night = "on";
})();
