// Sends the one form of a page that is only a stop on the way. Without it the button does the same.
document.querySelector("form[data-submit]")?.requestSubmit();
