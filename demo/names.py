"""What demo/world.yaml calls its apps and companies, and which project is whose."""

PUNCHLIST, POCKET, CREW = "Punchlist Sync", "Site Pocket", "Crew Onboarding"
JOBSITE = "Jobsite API"  # the platform's own API: it asks whether others may
NORTHWIND, HARBOR, STONEBRIDGE = "Northwind Builders", "Harbor & Sons", "Stonebridge Civil"
PIER, SCHOOL, LOFTS = "Pier 9", "Lakeside School", "Foundry Lofts"
QUAY, FERRY, CULVERT = "Quay Wall Repair", "Ferry Terminal", "Culvert 17"
COMPANY_OF = {
    **dict.fromkeys((PIER, SCHOOL, LOFTS), NORTHWIND),
    **dict.fromkeys((QUAY, FERRY), HARBOR),
    CULVERT: STONEBRIDGE,
}
