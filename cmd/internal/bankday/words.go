package bankday

// Words the month is made of.
var (
	givenNames  = []string{"Ada", "Alan", "Barbara", "Donald", "Edsger", "Frances", "Grace", "Hedy", "John", "Karen", "Leslie", "Radia"}
	familyNames = []string{"Bauer", "Fischer", "Hoffmann", "Klein", "Koch", "Lang", "Meyer", "Richter", "Schmidt", "Vogel", "Weber", "Wolf"}
	streets     = []string{"Birkenweg", "Hauptstraße", "Lindenallee", "Marktplatz", "Ringstraße", "Schillerstraße"}
	cities      = []string{"Bremen", "Dresden", "Hamburg", "Jena", "Köln", "Leipzig", "Ulm"}
	incomes     = []string{"salary", "refund", "invoice", "gift", "dividend", "cash"}
	expenses    = []string{"rent", "groceries", "electricity", "cash withdrawal", "insurance", "travel"}
)
