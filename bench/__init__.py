"""How fast Postreeve answers, beside a bare application that sends the same statements."""
